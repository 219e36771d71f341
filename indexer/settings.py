"""Settings, each from the first place that has it: flag > environment (`QUIRE_…`) > `[settings]` in quire.toml > default."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from indexer.errors import UsageError


class Settings(BaseSettings):
    """Everything that can be set. Built once, in the command line or in `create_app`, and passed down."""

    model_config = SettingsConfigDict(env_prefix="QUIRE_", frozen=True, extra="forbid", env_ignore_empty=True)

    library: Path = Field(
        default_factory=lambda: user_data_path("quire") / "library",
        description="Where the library is: a directory of its own.",
    )
    qdrant_url: str | None = Field(
        None, description="A Qdrant server to keep vectors and decisions on; none: in the library itself."
    )
    qdrant_api_key: SecretStr | None = Field(None, description="The key of that Qdrant server.")
    name: str | None = Field(
        None, description="The library's name on a Qdrant server; default: the name of its directory."
    )
    qdrant_shards: int | None = Field(
        None, ge=1, le=10_000, description="Shards of each new collection on a Qdrant cluster; default: the server's."
    )
    qdrant_replicas: int | None = Field(
        None, ge=1, le=100, description="Copies of each shard of new collections; default: the server's."
    )
    qdrant_write_consistency: int | None = Field(
        None, ge=1, le=100, description="Copies that must have taken a write before it counts; default: the server's."
    )
    vector_datatype: Literal["float32", "float16"] | None = Field(
        None, description="How new collections store vectors; default: float32, from 50,000 pages on float16."
    )
    vectors_on_disk: bool | None = Field(
        None, description="Leave vectors to the disk rather than memory; default: from 50,000 pages on."
    )
    quantization: Literal["none", "int8", "turbo4", "binary"] | None = Field(
        None, description="A smaller copy to search with, in memory; default: none, from 50,000 pages on int8."
    )
    graph_on_disk: bool | None = Field(
        None, description="Leave the search graph to the disk too, for libraries larger than memory; default: no."
    )
    model: str | None = Field(
        None, description="The embedder of a new library: open_clip:ARCH/PRETRAINED, timm:MODEL, pixels, classic."
    )
    checkpoint: Path | None = Field(None, description="A local file with the model's weights.")
    cache_dir: Path | None = Field(
        None, description="Where fetched weights are kept; default: where the model's own library keeps them."
    )
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="The number format of the model's weights."
    )
    compiling: Literal["auto", "on", "off"] = Field(
        "auto", description="Compile the network before a run; auto: if the run is so long that this pays here."
    )
    device: str = Field("auto", description="Where the model runs: auto, cpu, cuda, cuda:1, mps.")
    workers: int = Field(0, ge=0, le=256, description="Threads that decode pages; 0: as many as there are cores.")
    max_pixels: int = Field(300_000_000, ge=1, description="Pages with more pixels than this are skipped.")
    max_file_bytes: int = Field(512 * 2**20, ge=1, description="Files with more bytes than this are skipped.")
    max_decode_bytes: int = Field(
        4 * 2**30,
        ge=2**26,
        description="A process that decodes may take so much memory; pages that need more are skipped.",
    )
    decode_timeout_s: float = Field(60.0, gt=0, description="Pages that are not decoded within this time are skipped.")
    max_upload_bytes: int = Field(64 * 2**20, ge=1, description="The largest request body the service reads.")
    max_upload_files: int = Field(64, ge=1, description="The most files in one upload.")
    max_upload_pages: int = Field(200, ge=1, description="The most pages in all files of one upload.")
    upload_timeout_s: float = Field(
        60.0, gt=0, description="Files of one upload that are not decoded within this time are not answered."
    )
    unknown_share: float = Field(
        0.05,
        ge=0.0,
        lt=1.0,
        description="A page less alike than all but this share of a cluster's own members is unknown.",
    )
    host: str = Field("127.0.0.1", description="The address the service listens on.")
    port: int = Field(8765, ge=0, le=65535, description="The port the service listens on; 0: any free one.")
    api_keys: SecretStr | None = Field(
        None, description="Keys that the service accepts, comma-separated: NAME:ro:KEY or NAME:rw:KEY."
    )
    insecure: bool = Field(False, description="Serve beyond this machine without keys.")
    hosts: str | None = Field(
        None, description="More names the service answers to, comma-separated, for use behind a proxy."
    )
    allowed_roots: str | None = Field(
        None, description="Folders, comma-separated, in which the service may index for clients on other machines."
    )
    batching: bool = Field(True, description="Let uploads that come together share a forward pass.")
    batch_wait_ms: float = Field(
        4.0, ge=0, le=1000, description="How long an upload waits for others to share a forward pass."
    )
    max_waiting_uploads: int = Field(
        64, ge=1, le=10_000, description="The most uploads under way at once; more are told to come again."
    )
    max_requests: int = Field(
        256, ge=1, le=100_000, description="The most requests under way at once; more are told to come again."
    )
    max_requests_per_minute: int = Field(
        6_000,
        ge=0,
        description="The most requests of one key, or of one address without keys; 0: any number. Requests of this machine to a "
        "service that listens nowhere else don't count.",
    )
    max_wait_s: float = Field(
        30.0,
        gt=0,
        description="A request that waits longer for its turn to decode, to embed or to search is told to come again.",
    )
    log_format: Literal["text", "json"] = Field("text", description="How the service writes its log.")
    otlp_endpoint: str | None = Field(
        None,
        description="An OpenTelemetry collector that gets spans of requests, by OTLP over HTTP; needs quire[otel].",
    )
    body_timeout_s: float = Field(60.0, gt=0, description="A request body must have arrived within this time.")
    user: str | None = Field(None, description="Who decides, for the history; default: the login name.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, then the library's own file."""
        return (init_settings, env_settings, _LibraryFile(settings_cls, init_settings, env_settings))

    @property
    def library_name(self) -> str:
        """The name the library goes by on its pages and, fit for a collection's name, on a server."""
        if self.name or self.qdrant_url is None:
            return self.name or self.library.resolve().name
        plain = unicodedata.normalize("NFKD", self.library.resolve().name).encode("ascii", "ignore").decode()
        return re.sub(r"[^A-Za-z0-9_]+", "-", plain).strip("-") or "library"


def load_settings(**flags: object) -> Settings:
    """Settings with the given flags on top; a flag of None counts as not given.

    Raises:
        UsageError: a value that does not fit, or a key in quire.toml that is no setting.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as exc:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in exc.errors())
        raise UsageError(f"Settings can't be used: {faults}. `docs/settings.md` lists each with its meaning.") from exc


class _LibraryFile(PydanticBaseSettingsSource):
    """`[settings]` of the quire.toml in the library that the flags or the environment name."""

    def __init__(self, settings_cls: type[BaseSettings], *above: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._above = above

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Unused: `__call__` returns all values at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The table as it stands; {} where there is none."""
        place = next((values["library"] for source in self._above if (values := source()).get("library")), None)
        directory = Path(place) if place else user_data_path("quire") / "library"
        file = directory / "quire.toml"
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8")).get("settings", {})
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError) as exc:
            raise UsageError(f"{file} can't be read: {exc}. Mend it by hand, or restore it from a backup.") from exc
        if "library" in table:
            raise UsageError(f"{file} sets `library`, which says where this very file is. Remove that line.")
        return dict(table)

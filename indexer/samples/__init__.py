"""Sample sketchbooks, drawn by code: something to find, sort and gather before one's own scans are at hand."""

from indexer.samples.book import draw_sketchbooks
from indexer.samples.page import draw_page
from indexer.samples.plan import FilePlan, PagePlan, plan_sketchbooks

__all__ = ["FilePlan", "PagePlan", "draw_page", "draw_sketchbooks", "plan_sketchbooks"]

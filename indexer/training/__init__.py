"""Networks trained further on labels. Its modules import torch at once, so they are imported when training begins; `recipe` is light."""

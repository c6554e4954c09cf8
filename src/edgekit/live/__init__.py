"""A board beside a folder that fills: each new picture is answered as it comes, on the terminal and on a local page."""

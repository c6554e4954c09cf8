"""The paper as one command: its systems, tables and figures, with the statistics that it never had."""

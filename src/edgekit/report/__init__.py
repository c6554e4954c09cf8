"""From margins to figures, tables and a model's card. numpy and rich only."""

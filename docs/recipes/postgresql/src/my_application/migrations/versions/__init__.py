"""One module for each revision; `alembic revision` creates them."""

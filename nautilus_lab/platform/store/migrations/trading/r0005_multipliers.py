"""What a point of a contract is worth, of each fill; before it was known all were of shares."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Give fills a multiplier, 1 for those that are there."""
    op.add_column("fills", sa.Column("multiplier", sa.Text, nullable=False, server_default="1"))

"""Who uses the portal: accounts (the tenants), users and API tokens."""

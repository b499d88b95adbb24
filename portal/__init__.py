"""A multi-tenant billing portal: claims of payment beside the money that arrived."""

"""How each store's schema came about, one file a step; applied when a store is opened."""

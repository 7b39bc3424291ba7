-- How many users the inventory had that was there when the run began: what a sync that
-- is tried again after its inventory was stored compares with. Null in older rows.
ALTER TABLE inventories ADD COLUMN users_before BIGINT;

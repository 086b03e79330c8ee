-- What the warehouse may cost at once. The resource monitor, which only an administrator may make, is bootstrap.sql's.

ALTER WAREHOUSE &{warehouse} SET
    WAREHOUSE_SIZE = &{warehouse_size}
    AUTO_SUSPEND = 60
    AUTO_RESUME = TRUE
    STATEMENT_TIMEOUT_IN_SECONDS = &{statement_seconds}
    STATEMENT_QUEUED_TIMEOUT_IN_SECONDS = &{statement_seconds};

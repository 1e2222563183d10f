-- Beside the database of the service's store, which POSTGRES_DB names. Runs once, on an empty volume.
CREATE DATABASE mlflow;

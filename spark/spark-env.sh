#!/usr/bin/env bash
# Sourced when Spark starts. Sets the folders of the tables and the catalog. spark-defaults.conf cannot do this,
# because it does not expand environment variables.
data="${PITWALL_DATA:-data}"
[[ "$data" = /* ]] || data="$PWD/$data"
PITWALL_SPARK="${PITWALL_SPARK:-$data/spark/current}"
SPARK_SUBMIT_OPTS="$SPARK_SUBMIT_OPTS \"-Dspark.sql.warehouse.dir=$PITWALL_SPARK\" \"-Dderby.system.home=$PITWALL_SPARK/catalog\""

#!/usr/bin/env bash
# Sourced by whatever starts Spark. Where it keeps its tables and its catalog: spark-defaults.conf cannot say so,
# since it knows no environment variables.
data="${PITWALL_DATA:-data}"
[[ "$data" = /* ]] || data="$PWD/$data"
PITWALL_SPARK="${PITWALL_SPARK:-$data/spark/current}"
SPARK_SUBMIT_OPTS="$SPARK_SUBMIT_OPTS \"-Dspark.sql.warehouse.dir=$PITWALL_SPARK\" \"-Dderby.system.home=$PITWALL_SPARK/catalog\""

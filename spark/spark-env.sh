#!/usr/bin/env bash
# Sourced by whatever starts Spark. Where it keeps its tables and its catalog, which the other settings cannot say,
# since they read no environment variables.
export PITWALL_SPARK="${PITWALL_SPARK:-$PWD/${PITWALL_DATA:-data}/.build/spark}"
export SPARK_SUBMIT_OPTS="$SPARK_SUBMIT_OPTS \"-Dspark.sql.warehouse.dir=$PITWALL_SPARK\" \"-Dderby.system.home=$PITWALL_SPARK/catalog\""

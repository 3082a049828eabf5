"""The site: pages that are written from the warehouse and from dbt's manifest, beside the ones of docs/."""

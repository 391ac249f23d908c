DROP TABLE platform_endpoints;
DROP TABLE platform_events;

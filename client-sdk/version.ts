// The SDK's version: tabs share a connection only with their like.

export const VERSION = '0.2.0';

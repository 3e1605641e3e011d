global using ControlPlane.Metering.Overflow;
global using ControlPlane.Platform;
global using ControlPlane.Platform.Database;
global using ControlPlane.Provisioning;
global using Polly;

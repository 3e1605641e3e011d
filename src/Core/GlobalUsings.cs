global using ControlPlane.Platform;
global using ControlPlane.Platform.Audit;
global using ControlPlane.Platform.Database;
global using ControlPlane.Platform.Encryption;
global using ControlPlane.Platform.Jobs;
global using ControlPlane.Platform.Retention;
global using ControlPlane.Platform.Telemetry;

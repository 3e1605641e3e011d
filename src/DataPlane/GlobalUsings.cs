global using CliWrap;
global using ControlPlane.DataPlane.Compose;
global using ControlPlane.Platform;
global using ControlPlane.Provisioning;

global using ControlPlane.DataPlane;
global using ControlPlane.Platform;
global using ControlPlane.Provisioning;

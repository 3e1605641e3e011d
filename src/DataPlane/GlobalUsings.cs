global using ControlPlane.Platform;
global using ControlPlane.Provisioning;

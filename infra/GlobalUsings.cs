global using ControlPlane.Infra.Components.Compute;
global using ControlPlane.Infra.Components.Data;
global using ControlPlane.Infra.Components.Edge;
global using ControlPlane.Infra.Components.Network;
global using ControlPlane.Infra.Components.Observability;
global using ControlPlane.Infra.Plans;
global using Pulumi;

using ControlPlane.Infra;
using Pulumi;

return await Deployment.RunAsync(() => Platform.Build());

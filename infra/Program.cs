using ControlPlane.Infra;

return await Deployment.RunAsync(() => Platform.Build());

return await ControlPlane.Local.CommandLine.RunAsync(args);

return await ControlPlane.Demo.DemoCommand.RunAsync(args);

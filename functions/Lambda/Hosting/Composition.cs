using Microsoft.Extensions.Hosting;

namespace ControlPlane.Lambda.Hosting;

/// <summary>Service registration that all functions share.</summary>
static class Composition
{
    /// <summary>The only writable folder; it does not outlive the process.</summary>
    public const string TemporaryFolder = "/tmp/controlplane";

    /// <summary>A host without a web server, for functions that are not called over HTTP.</summary>
    public static HostApplicationBuilder NewHost(IConfiguration configuration)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddConfiguration(configuration);
        return builder;
    }

    public static async Task<IHost> StartAsync(this HostApplicationBuilder builder, FunctionEnvironment environment)
    {
        builder.Services.AddAws(environment);
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    /// <summary>Other hosts generate a missing key and keep it on disk. Here each process would generate its own.</summary>
    /// <exception cref="SettingException">The key that encrypts secrets is missing.</exception>
    public static void RequireSecretsKey(IConfiguration configuration)
    {
        if (string.IsNullOrEmpty(configuration["CONTROLPLANE_SECRETS_KEY"]))
        {
            throw new SettingException("CONTROLPLANE_SECRETS_KEY is not set: add it to the secret of CONTROLPLANE_SECRETS. Stored secrets cannot be decrypted without it.");
        }
    }

    /// <summary>Call it last: it replaces services of the application with those of AWS.</summary>
    public static void AddAws(this IServiceCollection services, FunctionEnvironment environment)
    {
        services.AddAwsServices(environment.Configuration);
        if (environment.Configuration["CONTROLPLANE_SMTP"] is null or "" && environment.Configuration["CONTROLPLANE_DATA"] == TemporaryFolder)
        {
            services.AddSingleton<IMailTransport, DisabledMailTransport>();
        }

        if (environment.Configuration[ChooseDataPlane.Setting] is null or "")
        {
            services.AddSingleton<IDataPlane, UnsupportedDataPlane>();
        }

        environment.ConfigureTestServices(services);
        services.AddSingleton<ProvisioningNotifier>();
        services.AddLogging(logging =>
        {
            logging.SetMinimumLevel(LogLevel.Warning).AddProvider(environment.Log);
            logging.AddFilter("ControlPlane", LogLevel.Information);
            // It warns at every first start that its keys are stored unencrypted, which is intended: see functions/Local.
            logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
        });
    }
}

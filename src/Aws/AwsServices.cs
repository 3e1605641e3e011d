using Amazon.EKS;
using Amazon.Runtime;
using Amazon.Runtime.Credentials;
using Amazon.SecretsManager;
using Amazon.SQS;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace ControlPlane.Aws;

/// <summary>
/// What the control plane uses of AWS, each made when it is first asked for: a function pays at its start for nothing that it does not use.
/// Credentials come from where AWS' own tools look for them: environment, profile, role of the function or of the pod.
/// </summary>
public static class AwsServices
{
    /// <summary>The queue in which usage waits while the database is away; without it senders have to repeat.</summary>
    const string OverflowQueueSetting = "CONTROLPLANE_OVERFLOW_QUEUE";

    public static IServiceCollection AddAwsServices(this IServiceCollection services, IConfiguration configuration)
    {
        // The business clock may be a sandbox's: signatures and waits need the real time.
        var (clock, settings) = (TimeProvider.System, new AwsSettings(configuration));
        // Only where there is none yet: who composes may bring a client of his own.
        services.TryAddSingleton<AWSCredentials>(_ => DefaultAWSCredentialsIdentityResolver.GetCredentials());
        services.TryAddSingleton<IAmazonSQS>(s => new AmazonSQSClient(s.Credentials(), settings.Client<AmazonSQSConfig>()));
        services.TryAddSingleton<IAmazonSecretsManager>(s => new AmazonSecretsManagerClient(s.Credentials(), settings.Client<AmazonSecretsManagerConfig>()));
        services.TryAddSingleton<IAmazonEKS>(s => new AmazonEKSClient(s.Credentials(), settings.Client<AmazonEKSConfig>()));

        services.AddSingleton(s => new QueueSender(s.GetRequiredService<IAmazonSQS>(), clock));
        if (configuration[OverflowQueueSetting] is { Length: > 0 } overflow)
        {
            services.AddSingleton<IUsageOverflow>(s => new QueueOverflow(s.GetRequiredService<QueueSender>(), overflow));
        }

        services.Replace(ServiceDescriptor.Singleton<ISecretStore>(s => new SecretsManagerStore(
            s.GetRequiredService<IAmazonSecretsManager>(), new TenantSecretSettings(settings.TenantSecretsKey, settings.TenantSecretsCopy, settings.Tags), clock)));
        services.AddSingleton(s => new EksConnection(
            s.GetRequiredService<IAmazonEKS>(), new EksToken(s.Credentials(), settings.Region, settings.Cluster, clock), settings.Cluster));
        services.Replace(ServiceDescriptor.Singleton<IModelStorage>(s => new ModelAccessPoints(
            new ElasticFileSystem(EfsClient(), s.Credentials(), settings.Region, clock), settings.ModelFiles, settings.TenantAccessPoint, settings.Tags, clock)));

        // Credentials are looked for when a connection is opened, and not where the connection string has a password.
        services.AddSingleton<PasswordProvider>(s => settings.SignsInAsOwner
            ? (login, ct) => s.GetRequiredService<OwnerPassword>().MakeAsync(login, ct)
            : (login, ct) => s.GetRequiredService<RdsToken>().MakeAsync(login, ct));
        services.AddSingleton(s => new RdsToken(s.Credentials(), settings.Region, clock));
        services.AddSingleton(s => new OwnerSecret(s.GetRequiredService<IAmazonSecretsManager>(), settings.OwnerSecret));
        services.AddSingleton(_ => new OwnerLogin(settings.Database));
        services.AddSingleton<OwnerPassword>();
        services.AddSingleton<RotateOwnerPassword>();
        services.AddSingleton<CreateFunctionLogins>();
        services.AddSingleton<MigrateDatabase>();
        return services;
    }

    static HttpClient EfsClient() => new(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { Timeout = TimeSpan.FromSeconds(15) };

    static AWSCredentials Credentials(this IServiceProvider services) => services.GetRequiredService<AWSCredentials>();
}

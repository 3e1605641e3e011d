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
/// The AWS services that the control plane uses. Each is created on first use, so that a function's cold start pays for nothing it does not use.
/// Credentials come from the SDK's default chain: environment, profile, role of the function or of the pod.
/// </summary>
public static class AwsServices
{
    /// <summary>URL of the queue that holds usage while the database is unavailable; without it senders have to retry.</summary>
    const string OverflowQueueSetting = "CONTROLPLANE_OVERFLOW_QUEUE";

    public static IServiceCollection AddAwsServices(this IServiceCollection services, IConfiguration configuration)
    {
        // Signatures and delays need the real time; the business clock may be the sandbox's.
        var (clock, settings) = (TimeProvider.System, new AwsSettings(configuration));
        // TryAdd, so that tests can register their own clients.
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
            new ElasticFileSystem(CreateEfsClient(), s.Credentials(), settings.Region, clock), settings.ModelFiles, settings.TenantAccessPoint, settings.Tags, clock)));

        // Credentials are resolved when a connection is opened, and not at all if the connection string has a password.
        services.AddSingleton<PasswordProvider>(s => settings.SignsInAsOwner
            ? (login, ct) => s.GetRequiredService<OwnerPassword>().GetAsync(login, ct)
            : (login, ct) => s.GetRequiredService<RdsToken>().CreateAsync(login, ct));
        services.AddSingleton(s => new RdsToken(s.Credentials(), settings.Region, clock));
        services.AddSingleton(s => new OwnerSecret(s.GetRequiredService<IAmazonSecretsManager>(), settings.OwnerSecret));
        services.AddSingleton(_ => new OwnerLogin(settings.Database));
        services.AddSingleton<OwnerPassword>();
        services.AddSingleton<RotateOwnerPassword>();
        services.AddSingleton<CreateFunctionLogins>();
        services.AddSingleton<MigrateDatabase>();
        return services;
    }

    static HttpClient CreateEfsClient() => new(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { Timeout = TimeSpan.FromSeconds(15) };

    static AWSCredentials Credentials(this IServiceProvider services) => services.GetRequiredService<AWSCredentials>();
}

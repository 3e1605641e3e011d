using Amazon.EKS;
using Amazon.Runtime;
using Amazon.SecretsManager;
using Amazon.SQS;

namespace ControlPlane.Tests.Aws;

public class AwsServicesTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AWS_stores_replace_the_default_ones_in_any_order_of_registration(bool awsFirst)
    {
        var configuration = Configuration();
        var services = new ServiceCollection();
        _ = awsFirst ? services.AddAwsServices(configuration).AddControlPlane(configuration) : services.AddControlPlane(configuration).AddAwsServices(configuration);
        using var provider = services.AddSingleton<AWSCredentials>(new BasicAWSCredentials("AKIDEXAMPLE", "secret")).BuildServiceProvider();
        Assert.IsType<SecretsManagerStore>(provider.GetRequiredService<ISecretStore>());
        Assert.IsType<ModelAccessPoints>(provider.GetRequiredService<IModelStorage>());
        Assert.NotNull(provider.GetRequiredService<EksConnection>());
        Assert.NotNull(provider.GetRequiredService<QueueSender>());
    }

    [Fact]
    public void Clients_use_the_stacks_region_and_retry_throttled_calls()
    {
        using var provider = Provider(Configuration());
        foreach (var config in (IClientConfig[])
            [
                ((AmazonServiceClient)provider.GetRequiredService<IAmazonSecretsManager>()).Config, ((AmazonServiceClient)provider.GetRequiredService<IAmazonEKS>()).Config,
                ((AmazonServiceClient)provider.GetRequiredService<IAmazonSQS>()).Config,
            ])
        {
            Assert.Equal((RequestRetryMode.Standard, 5, "eu-central-1"), (config.RetryMode, config.MaxErrorRetry, config.RegionEndpoint.SystemName));
        }
    }

    [Fact]
    public void Settings_of_unused_services_are_not_required()
    {
        using var provider = Provider(Configuration(("CONTROLPLANE_CLUSTER", null), ("CONTROLPLANE_MODEL_FILES", null), ("CONTROLPLANE_TENANT_SECRETS_KEY", null)));
        Assert.NotNull(provider.GetRequiredService<QueueSender>());
        Assert.NotNull(provider.GetRequiredService<ISecretStore>());
    }

    [Theory]
    [InlineData("CONTROLPLANE_REGION", null)]
    [InlineData("CONTROLPLANE_MODEL_FILES", null)]
    [InlineData("CONTROLPLANE_TENANT_ACCESS_POINT", null)]
    [InlineData("CONTROLPLANE_TENANT_ACCESS_POINT", "/tenants")]
    [InlineData("CONTROLPLANE_TENANT_ACCESS_POINT", """{"path":"/tenants/{tenant_id}"}""")]
    [InlineData("CONTROLPLANE_TENANT_ACCESS_POINT", """{"path":"/tenants/{slug}","uid":1000,"gid":1000,"permissions":"0750"}""")]
    [InlineData("CONTROLPLANE_TAGS", "prod")]
    public void A_missing_or_invalid_setting_is_named_when_it_is_needed(string name, string? value)
    {
        using var provider = Provider(Configuration((name, value)));
        Assert.Contains(name, Assert.Throws<InvalidOperationException>(provider.GetRequiredService<IModelStorage>).Message, StringComparison.Ordinal);
    }

    static ServiceProvider Provider(IConfiguration configuration) =>
        new ServiceCollection().AddAwsServices(configuration).AddSingleton<AWSCredentials>(new BasicAWSCredentials("AKIDEXAMPLE", "secret")).BuildServiceProvider();

    static IConfiguration Configuration(params (string Name, string? Value)[] other)
    {
        var settings = new Dictionary<string, string?>
        {
            ["CONTROLPLANE_DATABASE"] = "Host=localhost",
            ["CONTROLPLANE_SECRETS_KEY"] = Convert.ToBase64String(new byte[32]),
            ["CONTROLPLANE_REGION"] = "eu-central-1",
            ["CONTROLPLANE_CLUSTER"] = "controlplane-prod-cluster",
            ["CONTROLPLANE_MODEL_FILES"] = "fs-0123456789abcdef0",
            ["CONTROLPLANE_TENANT_ACCESS_POINT"] = """{"path":"/tenants/{tenant_id}","uid":1000,"gid":1000,"permissions":"0750"}""",
            ["CONTROLPLANE_TAGS"] = """{"Owner":"platform","Stack":"prod"}""",
        };
        foreach (var (name, value) in other)
        {
            settings[name] = value;
        }

        return new ConfigurationBuilder().AddInMemoryCollection(settings).Build();
    }
}

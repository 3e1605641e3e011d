namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class DataTests(Stacks stacks)
{
    [Fact]
    public async Task The_database_is_in_two_zones_with_point_in_time_recovery()
    {
        var database = (await stacks.GetAsync("prod")).Get("aws:rds/instance:Instance", "database");
        Assert.True(database["multiAz"] is true && database["storageEncrypted"] is true && database["iamDatabaseAuthenticationEnabled"] is true);
        Assert.True(database["deletionProtection"] is true && database["performanceInsightsEnabled"] is true && database["publiclyAccessible"] is false);
        Assert.Equal(35, Number(database["backupRetentionPeriod"]));
        Assert.False(database["skipFinalSnapshot"] is true);
        Assert.True(database["deleteAutomatedBackups"] is false);
    }

    [Fact]
    public async Task The_database_requires_TLS_and_logs_no_parameter_values()
    {
        var parameters = (await stacks.GetAsync("prod")).Get("aws:rds/parameterGroup:ParameterGroup", "database");
        var values = ((IEnumerable<object?>)parameters["parameters"]!).Cast<IReadOnlyDictionary<string, object?>>().ToDictionary(parameter => (string)parameter["name"]!, parameter => parameter["value"]);
        Assert.Equal(("1", "TLSv1.2"), (values["rds.force_ssl"], values["ssl_min_protocol_version"]));
        Assert.Equal("0", values["log_parameter_max_length"]);
    }

    [Fact]
    public async Task No_report_fills_the_databases_disk_with_temporary_files()
    {
        var deployed = await stacks.GetAsync("prod");
        var limit = ((IEnumerable<object?>)deployed.Get("aws:rds/parameterGroup:ParameterGroup", "database")["parameters"]!)
            .Cast<IReadOnlyDictionary<string, object?>>().Single(parameter => parameter["name"] is "temp_file_limit")["value"];
        Assert.Equal($"{20 * 1024 * 1024}", limit);
    }

    [Fact]
    public async Task Functions_connect_to_the_database_through_a_proxy_without_passwords()
    {
        var deployed = await stacks.GetAsync("prod");
        var proxy = Assert.Single(deployed.OfType("aws:rds/proxy:Proxy"));
        Assert.True(proxy["requireTls"] is true && proxy["defaultAuthScheme"] is "IAM_AUTH" && proxy["auths"] is null);
        // End to end: the proxy connects to the database as the user of the function.
        Assert.Equal(
            ((string[])["api", "usage", "authorize", "jobs", "provision"]).Select(function => $"dbuser:[[aws:rds/instance:Instance database resourceId]]/controlplane_{function}"),
            deployed.Get("aws:iam/rolePolicy:RolePolicy", "database-access").Statements().Single().ResourceArns().Select(arn => arn.Split(':', 6)[5]));
    }

    [Fact]
    public async Task The_owners_password_is_rotated_and_only_one_function_reads_its_secret()
    {
        var deployed = await stacks.GetAsync("prod");
        var rotation = Assert.Single(deployed.OfType("aws:secretsmanager/secretRotation:SecretRotation"));
        Assert.Equal(30, Number(rotation["rotationRules.automaticallyAfterDays"]));
        var readers = deployed.OfType("aws:iam/rolePolicy:RolePolicy").Where(policy => policy.DependsOn.Contains("aws:secretsmanager/secret:Secret secrets-database-owner"));
        var owner = Assert.Single(readers);
        Assert.Equal("functions-database", owner.Name);
        Assert.Equal(
            ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"],
            owner.Statements().SelectMany(statement => statement.Actions()).Where(action => action.StartsWith("secretsmanager:", StringComparison.Ordinal)).Order());
        Assert.DoesNotContain(owner.DependsOn, secret => secret.StartsWith("aws:secretsmanager/", StringComparison.Ordinal) && !secret.Contains("database-owner", StringComparison.Ordinal));
    }

    // Secrets Manager deletes versions without a label; Pulumi would then create another that replaces the current value.
    [Fact]
    public async Task The_initial_version_of_a_secret_keeps_a_label_after_changes()
    {
        var deployed = await stacks.GetAsync("prod");
        Assert.All((string[])["secrets-platform", "secrets-origin", "secrets-database-owner", "secrets-cache"], secret => Assert.Equal(
            ["AWSCURRENT", "MadeByPulumi"], deployed.Get("aws:secretsmanager/secretVersion:SecretVersion", secret).Texts("versionStages")));
    }

    // RDS accepts no slash, quote or at sign in a password, and ElastiCache only a few special characters in a token.
    [Theory]
    [InlineData("secrets-database-owner", "password")]
    [InlineData("secrets-cache", "token")]
    public async Task Generated_secrets_contain_only_characters_that_AWS_accepts(string secret, string key) => Assert.Matches("^[A-Za-z0-9]{32}$",
        (await stacks.GetAsync("prod")).Get("aws:secretsmanager/secretVersion:SecretVersion", secret).Json("secretString").GetProperty(key).GetString());

    [Theory]
    [InlineData("api", "controlplane_api", false)]
    [InlineData("usage", "controlplane_usage", false)]
    [InlineData("authorize", "controlplane_authorize", false)]
    [InlineData("jobs", "controlplane_jobs", false)]
    [InlineData("provision", "controlplane_provision", false)]
    [InlineData("database", "controlplane_owner", true)]
    public async Task Functions_connect_as_their_own_user_and_verify_the_server_certificate(string function, string user, bool isDirect)
    {
        var deployed = await stacks.GetAsync("prod");
        var text = (string)deployed.Get("aws:lambda/function:Function", $"functions-{function}")["environment.variables.CONTROLPLANE_DATABASE"]!;
        var settings = new System.Data.Common.DbConnectionStringBuilder { ConnectionString = text };
        Assert.Equal((user, "VerifyFull", false), (settings["Username"], settings["SSL Mode"], settings.ContainsKey("Password")));
        // The certificate of RDS Proxy chains to a public CA.
        Assert.Equal(isDirect, settings.TryGetValue("Root Certificate", out var roots));
        Assert.Equal(isDirect ? $"/var/task/{deployed.Get("aws:rds/instance:Instance", "database")["caCertIdentifier"]}.pem" : null, roots);
    }

    [Fact]
    public async Task Files_are_mounted_in_every_zone_over_TLS_and_replicated()
    {
        var deployed = await stacks.GetAsync("prod");
        var files = deployed.Get("aws:efs/fileSystem:FileSystem", "model-files");
        Assert.Equal("AFTER_30_DAYS", files["lifecyclePolicies.0.transitionToIa"]);
        Assert.Equal(3, deployed.DependentsOf(files, "aws:efs/mountTarget:MountTarget").Select(target => target["subnetId"]).Distinct().Count());
        Assert.Equal("us-west-2", Assert.Single(deployed.DependentsOf(files, "aws:efs/replicationConfiguration:ReplicationConfiguration"))["destination.region"]);
        Assert.Contains(Assert.Single(deployed.DependentsOf(files, "aws:efs/fileSystemPolicy:FileSystemPolicy")).Statements(), statement => statement.Denies());
    }

    [Fact]
    public async Task Models_are_replicated_to_the_second_region_within_15_minutes()
    {
        var copy = Assert.Single((await stacks.GetAsync("prod")).OfType("aws:s3/bucketReplicationConfig:BucketReplicationConfig"));
        Assert.Equal(15, Number(copy["rules.0.destination.replicationTime.time.minutes"]));
        Assert.Contains("aws:s3/bucket:Bucket second-region-models", copy.DependsOn);
    }

    [Fact]
    public async Task Every_bucket_denies_requests_without_TLS()
    {
        foreach (var name in Stacks.All)
        {
            var deployed = await stacks.GetAsync(name);
            Assert.All(deployed.OfType("aws:s3/bucket:Bucket"), bucket => Assert.Contains(Assert.Single(deployed.DependentsOf(bucket, "aws:s3/bucketPolicy:BucketPolicy")).Statements(),
                statement => statement.Denies() && statement.ToString().Contains("aws:SecureTransport", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task Redis_requires_TLS_and_a_token_and_survives_the_failure_of_a_zone()
    {
        var cache = Assert.Single((await stacks.GetAsync("prod")).OfType("aws:elasticache/replicationGroup:ReplicationGroup"));
        Assert.True(cache["transitEncryptionMode"] is "required" && cache["authToken"] is not null && cache["automaticFailoverEnabled"] is true && cache["multiAzEnabled"] is true);
    }

    [Fact]
    public async Task Backups_of_database_files_and_models_are_kept_in_both_regions()
    {
        var deployed = await stacks.GetAsync("prod");
        var selection = Assert.Single(deployed.OfType("aws:backup/selection:Selection"));
        Assert.Superset(new HashSet<string> { "aws:rds/instance:Instance database", "aws:efs/fileSystem:FileSystem model-files", "aws:s3/bucket:Bucket model-versions-store" },
            selection.DependsOn.ToHashSet());
        var plan = Assert.Single(deployed.OfType("aws:backup/plan:Plan"));
        Assert.All((IEnumerable<object?>)plan["rules"]!, rule => Assert.Single((IEnumerable<object?>)((IReadOnlyDictionary<string, object?>)rule!)["copyActions"]!));
        Assert.Contains("aws:sns/topic:Topic alerts-critical", Assert.Single(deployed.OfType("aws:backup/vaultNotifications:VaultNotifications")).DependsOn);
        Assert.Equal(2, deployed.OfType("aws:backup/vaultLockConfiguration:VaultLockConfiguration").Count());
    }

    [Fact]
    public async Task Without_a_second_region_all_data_stays_in_the_first()
    {
        var deployed = await stacks.GetAsync("prod, one region");
        Assert.DoesNotContain(deployed.Resources, resource => resource["region"] is string region && region != "us-east-1");
        Assert.Empty(deployed.OfType("aws:efs/replicationConfiguration:ReplicationConfiguration"));
        Assert.All(deployed.OfType("aws:secretsmanager/secret:Secret"), secret => Assert.Null(secret["replicas"]));
    }

    static int Number(object? value) => Convert.ToInt32(value, null);
}

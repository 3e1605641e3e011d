namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class DataTests(Stacks stacks)
{
    [Fact]
    public async Task The_database_is_in_two_zones_and_recoverable_to_any_moment()
    {
        var database = (await stacks.GetAsync("prod")).One("aws:rds/instance:Instance", "database");
        Assert.True(database["multiAz"] is true && database["storageEncrypted"] is true && database["iamDatabaseAuthenticationEnabled"] is true);
        Assert.True(database["deletionProtection"] is true && database["performanceInsightsEnabled"] is true && database["publiclyAccessible"] is false);
        Assert.Equal(35, Number(database["backupRetentionPeriod"]));
        Assert.False(database["skipFinalSnapshot"] is true);
        Assert.True(database["deleteAutomatedBackups"] is false);
    }

    [Fact]
    public async Task The_database_speaks_TLS_only_and_logs_no_values()
    {
        var parameters = (await stacks.GetAsync("prod")).One("aws:rds/parameterGroup:ParameterGroup", "database");
        var values = ((IEnumerable<object?>)parameters["parameters"]!).Cast<IReadOnlyDictionary<string, object?>>().ToDictionary(parameter => (string)parameter["name"]!, parameter => parameter["value"]);
        Assert.Equal(("1", "TLSv1.2"), (values["rds.force_ssl"], values["ssl_min_protocol_version"]));
        Assert.Equal("0", values["log_parameter_max_length"]);
    }

    [Fact]
    public async Task Functions_reach_the_database_through_a_proxy_without_any_password()
    {
        var world = await stacks.GetAsync("prod");
        var proxy = Assert.Single(world.Of("aws:rds/proxy:Proxy"));
        Assert.True(proxy["requireTls"] is true && proxy["defaultAuthScheme"] is "IAM_AUTH" && proxy["auths"] is null);
        // From end to end: the function to the proxy, and the proxy to the database as that same user.
        Assert.Equal(
            ((string[])["api", "usage", "jobs", "provision"]).Select(function => $"dbuser:[[aws:rds/instance:Instance database resourceId]]/controlplane_{function}"),
            world.One("aws:iam/rolePolicy:RolePolicy", "database-access").Statements().Single().Statement.ResourceArns().Select(arn => arn.Split(':', 6)[5]));
    }

    [Fact]
    public async Task The_owners_password_rotates_and_its_secret_is_read_by_one_function_only()
    {
        var world = await stacks.GetAsync("prod");
        var rotation = Assert.Single(world.Of("aws:secretsmanager/secretRotation:SecretRotation"));
        Assert.Equal(30, Number(rotation["rotationRules.automaticallyAfterDays"]));
        var readers = world.Of("aws:iam/rolePolicy:RolePolicy").Where(policy => policy.DependsOn.Contains("aws:secretsmanager/secret:Secret secrets-database-owner"));
        var owner = Assert.Single(readers);
        Assert.Equal("functions-database", owner.Name);
        Assert.Equal(
            ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"],
            owner.Statements().SelectMany(found => found.Statement.Actions()).Where(action => action.StartsWith("secretsmanager:", StringComparison.Ordinal)).Order());
        Assert.DoesNotContain(owner.DependsOn, secret => secret.StartsWith("aws:secretsmanager/", StringComparison.Ordinal) && !secret.Contains("database-owner", StringComparison.Ordinal));
    }

    // Secrets Manager removes versions without a label: Pulumi would make another, and put it into force in the place of what is in force.
    [Fact]
    public async Task What_a_secret_was_made_with_is_kept_when_it_has_changed()
    {
        var world = await stacks.GetAsync("prod");
        Assert.All((string[])["secrets-platform", "secrets-origin", "secrets-database-owner", "secrets-cache"], secret => Assert.Equal(
            ["AWSCURRENT", "MadeByPulumi"], world.One("aws:secretsmanager/secretVersion:SecretVersion", secret).Texts("versionStages")));
    }

    // RDS takes no slash, quote or at sign in a password, and Redis few signs in a token.
    [Theory]
    [InlineData("secrets-database-owner", "password")]
    [InlineData("secrets-cache", "token")]
    public async Task A_secret_that_is_made_is_one_that_is_taken(string secret, string key) => Assert.Matches("^[A-Za-z0-9]{32}$",
        (await stacks.GetAsync("prod")).One("aws:secretsmanager/secretVersion:SecretVersion", secret).Json("secretString").GetProperty(key).GetString());

    [Theory]
    [InlineData("api", "controlplane_api", false)]
    [InlineData("usage", "controlplane_usage", false)]
    [InlineData("jobs", "controlplane_jobs", false)]
    [InlineData("provision", "controlplane_provision", false)]
    [InlineData("database", "controlplane_owner", true)]
    public async Task A_function_signs_in_as_its_own_user_and_checks_whom_it_talks_to(string function, string user, bool toTheInstance)
    {
        var world = await stacks.GetAsync("prod");
        var text = (string)world.One("aws:lambda/function:Function", $"functions-{function}")["environment.variables.CONTROLPLANE_DATABASE"]!;
        var settings = new System.Data.Common.DbConnectionStringBuilder { ConnectionString = text };
        Assert.Equal((user, "VerifyFull", false), (settings["Username"], settings["SSL Mode"], settings.ContainsKey("Password")));
        // The proxy's certificate is one that every machine trusts.
        Assert.Equal(toTheInstance, settings.TryGetValue("Root Certificate", out var roots));
        Assert.Equal(toTheInstance ? $"/var/task/{world.One("aws:rds/instance:Instance", "database")["caCertIdentifier"]}.pem" : null, roots);
    }

    [Fact]
    public async Task Files_are_mounted_in_every_zone_encrypted_and_copied()
    {
        var world = await stacks.GetAsync("prod");
        var files = world.One("aws:efs/fileSystem:FileSystem", "model-files");
        Assert.Equal("AFTER_30_DAYS", files["lifecyclePolicies.0.transitionToIa"]);
        Assert.Equal(3, world.About(files, "aws:efs/mountTarget:MountTarget").Select(target => target["subnetId"]).Distinct().Count());
        Assert.Equal("us-west-2", Assert.Single(world.About(files, "aws:efs/replicationConfiguration:ReplicationConfiguration"))["destination.region"]);
        Assert.Contains(Assert.Single(world.About(files, "aws:efs/fileSystemPolicy:FileSystemPolicy")).Statements(), found => found.Statement.Denies());
    }

    [Fact]
    public async Task Models_are_copied_to_the_second_region_within_a_quarter_of_an_hour()
    {
        var copy = Assert.Single((await stacks.GetAsync("prod")).Of("aws:s3/bucketReplicationConfig:BucketReplicationConfig"));
        Assert.Equal(15, Number(copy["rules.0.destination.replicationTime.time.minutes"]));
        Assert.Contains("aws:s3/bucket:Bucket second-region-models", copy.DependsOn);
    }

    [Fact]
    public async Task Every_bucket_refuses_what_comes_without_TLS()
    {
        foreach (var name in Stacks.All)
        {
            var world = await stacks.GetAsync(name);
            Assert.All(world.Of("aws:s3/bucket:Bucket"), bucket => Assert.Contains(Assert.Single(world.About(bucket, "aws:s3/bucketPolicy:BucketPolicy")).Statements(),
                found => found.Statement.Denies() && found.Statement.ToString().Contains("aws:SecureTransport", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task Redis_needs_TLS_and_a_token_and_survives_a_zone()
    {
        var cache = Assert.Single((await stacks.GetAsync("prod")).Of("aws:elasticache/replicationGroup:ReplicationGroup"));
        Assert.True(cache["transitEncryptionMode"] is "required" && cache["authToken"] is not null && cache["automaticFailoverEnabled"] is true && cache["multiAzEnabled"] is true);
    }

    [Fact]
    public async Task Backups_of_database_files_and_models_go_to_both_regions()
    {
        var world = await stacks.GetAsync("prod");
        var selection = Assert.Single(world.Of("aws:backup/selection:Selection"));
        Assert.Superset(new HashSet<string> { "aws:rds/instance:Instance database", "aws:efs/fileSystem:FileSystem model-files", "aws:s3/bucket:Bucket model-versions-store" },
            selection.DependsOn.ToHashSet());
        var plan = Assert.Single(world.Of("aws:backup/plan:Plan"));
        Assert.All((IEnumerable<object?>)plan["rules"]!, rule => Assert.Single((IEnumerable<object?>)((IReadOnlyDictionary<string, object?>)rule!)["copyActions"]!));
        Assert.Contains("aws:sns/topic:Topic alerts-critical", Assert.Single(world.Of("aws:backup/vaultNotifications:VaultNotifications")).DependsOn);
        Assert.Equal(2, world.Of("aws:backup/vaultLockConfiguration:VaultLockConfiguration").Count());
    }

    [Fact]
    public async Task Without_a_second_region_nothing_leaves_the_first()
    {
        var world = await stacks.GetAsync("prod, one region");
        Assert.DoesNotContain(world.Resources, resource => resource["region"] is string region && region != "us-east-1");
        Assert.Empty(world.Of("aws:efs/replicationConfiguration:ReplicationConfiguration"));
        Assert.All(world.Of("aws:secretsmanager/secret:Secret"), secret => Assert.Null(secret["replicas"]));
    }

    static int Number(object? value) => Convert.ToInt32(value, null);
}

namespace ControlPlane.Infra.Tests;

/// <summary>What holds data is encrypted, backed up, protected and kept: rules over every resource of every stack.</summary>
static class DataRules
{
    // Of every type that holds data: what encrypts it. A stateful type that is missing here fails the test below.
    public static readonly IReadOnlyDictionary<string, Func<World, Deployed, bool>> Encrypted = new Dictionary<string, Func<World, Deployed, bool>>
    {
        ["aws:ebs/volume:Volume"] = (_, volume) => volume["encrypted"] is true,
        ["aws:rds/instance:Instance"] = (_, database) => database["storageEncrypted"] is true && database["kmsKeyId"] is not null,
        ["aws:efs/fileSystem:FileSystem"] = (_, files) => files["encrypted"] is true && files["kmsKeyId"] is not null,
        ["aws:s3/bucket:Bucket"] = (world, bucket) =>
            world.Resources.Any(resource => resource.Type.StartsWith("aws:s3/bucketServerSideEncryptionConfiguration", StringComparison.Ordinal) && resource.DependsOn.Contains(bucket.Key)),
        ["aws:elasticache/replicationGroup:ReplicationGroup"] = (_, cache) => cache["atRestEncryptionEnabled"] is true && cache["transitEncryptionEnabled"] is true,
        ["aws:secretsmanager/secret:Secret"] = (_, secret) => secret["kmsKeyId"] is not null,
        ["aws:backup/vault:Vault"] = (_, vault) => vault["kmsKeyArn"] is not null,
        ["aws:ecr/repository:Repository"] = (_, repository) => repository["encryptionConfigurations"] is not null,
        ["aws:eks/cluster:Cluster"] = (_, cluster) => cluster["encryptionConfig.provider.keyArn"] is not null,
        ["aws:kms/key:Key"] = (_, key) => key["enableKeyRotation"] is true,
        ["aws:kms/replicaKey:ReplicaKey"] = (_, _) => true, // Rotates with its primary.
        ["aws:ec2/eip:Eip"] = (_, _) => true,
        ["aws:route53/zone:Zone"] = (_, _) => true,
    };

    public static void What_stores_data_is_encrypted(World world)
    {
        Assert.All(world.Resources.Where(resource => Encrypted.ContainsKey(resource.Type)), resource => Assert.True(Encrypted[resource.Type](world, resource), resource.Key));
        Assert.All(world.Of("aws:ec2/instance:Instance"), host => Assert.True(host["rootBlockDevice.encrypted"] is true, host.Key));
        Assert.All(world.Of("aws:ec2/launchTemplate:LaunchTemplate"), template => Assert.True(template["blockDeviceMappings.0.ebs.encrypted"] is "true", template.Key));
        Assert.All(world.Of("aws:sqs/queue:Queue"), queue => Assert.True(queue["sqsManagedSseEnabled"] is true || queue["kmsMasterKeyId"] is not null, queue.Key));
        Assert.All(world.Of("aws:sns/topic:Topic"), topic => Assert.True(topic["kmsMasterKeyId"] is not null, topic.Key));
    }

    public static void Databases_files_and_volumes_are_backed_up(World world)
    {
        var snapshots = world.Of("aws:dlm/lifecyclePolicy:LifecyclePolicy").Select(policy => (string?)policy["policyDetails.targetTags.Snapshots"]).ToHashSet();
        Assert.All(world.Of("aws:ebs/volume:Volume"), volume => Assert.True(volume["tags.Snapshots"] is string tag && snapshots.Contains(tag), volume.Key));
        var plans = world.Of("aws:backup/selection:Selection").SelectMany(selection => selection.DependsOn).ToHashSet();
        Assert.All(world.Of("aws:efs/fileSystem:FileSystem"), files => Assert.Contains(files.Key, plans));
        Assert.All(world.Of("aws:rds/instance:Instance"), database => Assert.True(Convert.ToInt32(database["backupRetentionPeriod"] ?? 0, null) > 0, database.Key));
        Assert.All(world.Of("aws:s3/bucket:Bucket"), bucket => Assert.Contains(world.Resources, resource =>
            resource.Type.StartsWith("aws:s3/bucketVersioning", StringComparison.Ordinal) && resource.DependsOn.Contains(bucket.Key) && resource["versioningConfiguration.status"] is "Enabled"));
    }

    public static void No_bucket_is_public(World world)
    {
        Assert.All(world.Of("aws:s3/bucket:Bucket"), bucket =>
        {
            var block = Assert.Single(world.About(bucket, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"));
            Assert.All((string[])["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"], setting => Assert.True(block[setting] is true, $"{bucket.Key} {setting}"));
        });
    }

    public static void Files_are_mounted_by_TLS_only(World world) =>
        Assert.All(world.Of("aws:efs/mountTarget:MountTarget"), target => Assert.Contains(
            world.Of("aws:efs/fileSystemPolicy:FileSystemPolicy").Where(policy => Equals(policy["fileSystemId"], target["fileSystemId"])).SelectMany(policy => policy.Statements()),
            found => found.Statement.Denies() && found.Statement.GetProperty("Condition").GetRawText() == """{"Bool":{"aws:SecureTransport":["false"]}}"""));

    public static void Every_queue_has_a_dead_letter_queue(World world)
    {
        var deadLetters = world.Of("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy").SelectMany(policy => policy.DependsOn)
            // Calls that nobody waits for have theirs without a queue before it.
            .Concat(world.Of("aws:scheduler/schedule:Schedule").SelectMany(schedule => schedule.DependsOn))
            .Where(key => key.EndsWith("-dead-letters", StringComparison.Ordinal)).ToHashSet();
        foreach (var queue in world.Of("aws:sqs/queue:Queue").Where(queue => !deadLetters.Contains(queue.Key)))
        {
            var target = queue.Json("redrivePolicy").GetProperty("deadLetterTargetArn").GetString();
            Assert.Contains(deadLetters, key => target!.Contains(key, StringComparison.Ordinal));
        }
    }

    public static void Logs_are_encrypted_and_end(World world) =>
        Assert.All(world.Of("aws:cloudwatch/logGroup:LogGroup"), group => Assert.True(group["kmsKeyId"] is not null && group["retentionInDays"] is not null, group.Key));

    public static void No_resource_is_without_owner_and_stack_tags(World world)
    {
        foreach (var resource in world.Resources.Where(resource => Mocks.IsTaggable(resource.Type)))
        {
            var tags = resource["tags"] is IReadOnlyDictionary<string, object?> map ? map
                : ((IEnumerable<object?>?)resource["tags"] ?? []).Cast<IReadOnlyDictionary<string, object?>>().ToDictionary(tag => (string)tag["key"]!, tag => tag["value"]);
            Assert.True(tags.ContainsKey("Owner") && tags.ContainsKey("Stack"), $"{resource.Key} is without owner or stack");
        }

        Assert.All(world.Of("aws:ec2/launchTemplate:LaunchTemplate"), template => Assert.Equal("platform-team", template["tagSpecifications.0.tags.Owner"]));
    }
}

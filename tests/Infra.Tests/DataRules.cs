namespace ControlPlane.Infra.Tests;

/// <summary>Rules on encryption, backups, retention and tags, for every resource of every stack.</summary>
static class DataRules
{
    // How each stateful type is encrypted. RulesTests fails if a type is missing.
    public static readonly IReadOnlyDictionary<string, Func<StackSnapshot, DeployedResource, bool>> Encrypted = new Dictionary<string, Func<StackSnapshot, DeployedResource, bool>>
    {
        ["aws:ebs/volume:Volume"] = (_, volume) => volume["encrypted"] is true,
        ["aws:rds/instance:Instance"] = (_, database) => database["storageEncrypted"] is true && database["kmsKeyId"] is not null,
        ["aws:efs/fileSystem:FileSystem"] = (_, files) => files["encrypted"] is true && files["kmsKeyId"] is not null,
        ["aws:s3/bucket:Bucket"] = (deployed, bucket) =>
            deployed.Resources.Any(resource => resource.Type.StartsWith("aws:s3/bucketServerSideEncryptionConfiguration", StringComparison.Ordinal) && resource.DependsOn.Contains(bucket.Key)),
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

    public static void Data_stores_are_encrypted(StackSnapshot deployed)
    {
        Assert.All(deployed.Resources.Where(resource => Encrypted.ContainsKey(resource.Type)), resource => Assert.True(Encrypted[resource.Type](deployed, resource), resource.Key));
        Assert.All(deployed.OfType("aws:ec2/instance:Instance"), host => Assert.True(host["rootBlockDevice.encrypted"] is true, host.Key));
        Assert.All(deployed.OfType("aws:ec2/launchTemplate:LaunchTemplate"), template => Assert.True(template["blockDeviceMappings.0.ebs.encrypted"] is "true", template.Key));
        Assert.All(deployed.OfType("aws:sqs/queue:Queue"), queue => Assert.True(queue["sqsManagedSseEnabled"] is true || queue["kmsMasterKeyId"] is not null, queue.Key));
        Assert.All(deployed.OfType("aws:sns/topic:Topic"), topic => Assert.True(topic["kmsMasterKeyId"] is not null, topic.Key));
    }

    public static void Databases_files_and_volumes_are_backed_up(StackSnapshot deployed)
    {
        var snapshots = deployed.OfType("aws:dlm/lifecyclePolicy:LifecyclePolicy").Select(policy => (string?)policy["policyDetails.targetTags.Snapshots"]).ToHashSet();
        Assert.All(deployed.OfType("aws:ebs/volume:Volume"), volume => Assert.True(volume["tags.Snapshots"] is string tag && snapshots.Contains(tag), volume.Key));
        var plans = deployed.OfType("aws:backup/selection:Selection").SelectMany(selection => selection.DependsOn).ToHashSet();
        Assert.All(deployed.OfType("aws:efs/fileSystem:FileSystem"), files => Assert.Contains(files.Key, plans));
        Assert.All(deployed.OfType("aws:rds/instance:Instance"), database => Assert.True(Convert.ToInt32(database["backupRetentionPeriod"] ?? 0, null) > 0, database.Key));
        Assert.All(deployed.OfType("aws:s3/bucket:Bucket"), bucket => Assert.Contains(deployed.Resources, resource =>
            resource.Type.StartsWith("aws:s3/bucketVersioning", StringComparison.Ordinal) && resource.DependsOn.Contains(bucket.Key) && resource["versioningConfiguration.status"] is "Enabled"));
    }

    public static void No_bucket_is_public(StackSnapshot deployed)
    {
        Assert.All(deployed.OfType("aws:s3/bucket:Bucket"), bucket =>
        {
            var block = Assert.Single(deployed.DependentsOf(bucket, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"));
            Assert.All((string[])["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"], setting => Assert.True(block[setting] is true, $"{bucket.Key} {setting}"));
        });
    }

    public static void File_systems_deny_access_without_TLS(StackSnapshot deployed) =>
        Assert.All(deployed.OfType("aws:efs/mountTarget:MountTarget"), target => Assert.Contains(
            deployed.OfType("aws:efs/fileSystemPolicy:FileSystemPolicy").Where(policy => Equals(policy["fileSystemId"], target["fileSystemId"])).SelectMany(policy => policy.Statements()),
            statement => statement.Denies() && statement.GetProperty("Condition").GetRawText() == """{"Bool":{"aws:SecureTransport":["false"]}}"""));

    public static void Every_queue_has_a_dead_letter_queue(StackSnapshot deployed)
    {
        var deadLetters = deployed.OfType("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy").SelectMany(policy => policy.DependsOn)
            // Asynchronous invocations have a dead-letter queue without a source queue.
            .Concat(deployed.OfType("aws:scheduler/schedule:Schedule").SelectMany(schedule => schedule.DependsOn))
            .Where(key => key.EndsWith("-dead-letters", StringComparison.Ordinal)).ToHashSet();
        foreach (var queue in deployed.OfType("aws:sqs/queue:Queue").Where(queue => !deadLetters.Contains(queue.Key)))
        {
            var target = queue.Json("redrivePolicy").GetProperty("deadLetterTargetArn").GetString();
            Assert.Contains(deadLetters, key => target!.Contains(key, StringComparison.Ordinal));
        }
    }

    public static void Logs_are_encrypted_and_have_a_retention(StackSnapshot deployed) =>
        Assert.All(deployed.OfType("aws:cloudwatch/logGroup:LogGroup"), group => Assert.True(group["kmsKeyId"] is not null && group["retentionInDays"] is not null, group.Key));

    public static void Every_taggable_resource_has_owner_and_stack_tags(StackSnapshot deployed)
    {
        foreach (var resource in deployed.Resources.Where(resource => Mocks.IsTaggable(resource.Type)))
        {
            var tags = resource["tags"] is IReadOnlyDictionary<string, object?> map ? map
                : ((IEnumerable<object?>?)resource["tags"] ?? []).Cast<IReadOnlyDictionary<string, object?>>().ToDictionary(tag => (string)tag["key"]!, tag => tag["value"]);
            Assert.True(tags.ContainsKey("Owner") && tags.ContainsKey("Stack"), $"{resource.Key} has no Owner or Stack tag");
        }

        Assert.All(deployed.OfType("aws:ec2/launchTemplate:LaunchTemplate"), template => Assert.Equal("platform-team", template["tagSpecifications.0.tags.Owner"]));
    }
}

namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class StackTests(Stacks stacks)
{
    static readonly string[] s_secret = ["Password", "Token", "Secret", "Key"];

    [Theory]
    [MemberData(nameof(Stacks.Names), MemberType = typeof(Stacks))]
    public async Task Every_stack_builds_under_one_topology(string name)
    {
        var world = await stacks.GetAsync(name);
        Assert.Matches("^controlplane:topology:(Vps|Eks)$", Assert.Single(world.Resources, resource => resource.Parent is null).Type);
        Assert.Equal(world.Resources.Count, world.Resources.Select(resource => resource.Key).Distinct().Count());
    }

    [Fact]
    public void The_plan_is_plain_records_without_a_type_of_Pulumis() => Assert.All(
        typeof(Plan).Assembly.GetTypes().Where(type => type == typeof(Plan) || type.Namespace == "ControlPlane.Infra.Plans")
            .SelectMany(type => type.GetProperties()).SelectMany(property => property.PropertyType.GetGenericArguments().Append(property.PropertyType)),
        type => Assert.False(type.Namespace?.StartsWith("Pulumi", StringComparison.Ordinal), type.FullName));

    [Theory]
    [MemberData(nameof(Stacks.Names), MemberType = typeof(Stacks))]
    public async Task Outputs_are_camel_case_and_secrets_are_secret(string name)
    {
        var world = await stacks.GetAsync(name);
        Assert.All(world.Outputs, output => Assert.Matches("^[a-z][A-Za-z0-9]*$", output.Key));
        Assert.All(world.Outputs, output => Assert.NotNull(output.Value));
        Assert.All(world.Outputs.Keys.Where(key => s_secret.Any(ending => key.EndsWith(ending, StringComparison.Ordinal))), key => Assert.Contains(key, world.SecretOutputs));
    }
}

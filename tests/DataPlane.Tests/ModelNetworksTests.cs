using System.Net;

namespace ControlPlane.Tests;

public sealed class ModelNetworksTests
{
    static readonly Guid Tenant = Guid.Parse("01900000-0000-7000-8000-000000000001");

    [Fact]
    public void The_default_range_has_three_subnets_for_each_of_85_environments()
    {
        var range = Samples.Options.ModelNetworks.Range;
        var subnets = Samples.Options.ModelNetworks.From(Tenant).Select(IPNetwork.Parse).ToList();
        Assert.Equal(256, subnets.Distinct().Count());
        Assert.Equal(256, subnets.Count);
        Assert.All(subnets, subnet => Assert.True(subnet.PrefixLength == 28 && range.Contains(subnet.BaseAddress)));
    }

    [Fact]
    public void A_tenant_begins_at_the_same_subnet_every_time_and_others_elsewhere()
    {
        var networks = Samples.Options.ModelNetworks;
        Assert.Equal(networks.From(Tenant).First(), networks.From(Tenant).First());
        var others = Enumerable.Range(2, 40).Select(i => networks.From(Guid.Parse($"01900000-0000-7000-8000-{i:x12}")).First());
        Assert.Equal(40, others.Distinct().Count());
    }

    [Theory]
    [InlineData("10.9.8.0/28", true)]
    [InlineData("10.0.0.0/8", true)]
    [InlineData("10.9.8.0/29", false)]
    [InlineData("0.0.0.0/0", false)]
    [InlineData("10.9.8.1/24", true)]
    [InlineData("10.9.8.0", false)]
    [InlineData("fd00::/28", false)]
    [InlineData("large", false)]
    public void A_range_is_IPv4_and_holds_at_least_one_subnet(string text, bool valid) => Assert.Equal(valid, ModelNetworks.Parse(text) is not null);
}

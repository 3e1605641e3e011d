namespace ControlPlane.Tests;

/// <summary>The plans on the signup page say what this installation can provide.</summary>
public sealed class PlanPageJourneys
{
    [Fact]
    public async Task Without_a_search_service_and_an_image_model_the_plans_say_that_these_are_not_available()
    {
        await using var server = await TestServer.StartAsync();
        var page = await server.Anonymous.GetStringAsync("/");
        Assert.Contains("No web searches", page, StringComparison.Ordinal);
        Assert.Contains("Web searches are not available yet", page, StringComparison.Ordinal);
        Assert.Contains("Generated images are not available yet", page, StringComparison.Ordinal);
        Assert.DoesNotContain("100 web searches", page, StringComparison.Ordinal);
        Assert.DoesNotContain("100 generated images", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_both_the_plans_offer_them()
    {
        await using var server = await TestServer.StartAsync(settings:
        [
            new("CONTROLPLANE_SEARCH_URL", "https://search.example.com/search"), new("CONTROLPLANE_SEARCH_KEY", new('k', 32)),
            // Any model of the plan: the catalog has none that generates images.
            new("CONTROLPLANE_IMAGE_MODEL", "gpt-6-sol"),
        ]);
        var page = await server.Anonymous.GetStringAsync("/");
        Assert.Contains("100 web searches per month", page, StringComparison.Ordinal);
        Assert.Contains("100 generated images per month", page, StringComparison.Ordinal);
        Assert.DoesNotContain("not available yet", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Plans_advertise_no_model_that_its_provider_has_shut_down_and_say_whom_to_ask_for_others()
    {
        await using var server = await TestServer.StartAsync(settings: [new("CONTROLPLANE_SELLER_EMAIL", "sales@example.com")]);
        var page = await server.Anonymous.GetStringAsync("/");
        Assert.Contains("href=\"mailto:sales@example.com\"", page, StringComparison.Ordinal);
        Assert.Contains("claude-opus-5-5", page, StringComparison.Ordinal);
        Assert.Contains("llama3:70b", page, StringComparison.Ordinal);
        Assert.DoesNotContain("claude-3-opus", page, StringComparison.Ordinal);
        Assert.DoesNotContain("gemini-pro", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://search.example.com", "short", "CONTROLPLANE_SEARCH_KEY must have at least 32 characters")]
    [InlineData("https://10.0.0.1/search", "0123456789abcdef0123456789abcdef", "CONTROLPLANE_SEARCH_URL is \"https://10.0.0.1/search\": enter a URL with the full name of a public host")]
    [InlineData("search", "0123456789abcdef0123456789abcdef", "CONTROLPLANE_SEARCH_URL is \"search\": enter a URL")]
    public async Task A_search_service_needs_a_public_name_and_a_key(string url, string key, string message)
    {
        var error = await Assert.ThrowsAsync<SettingException>(() => TestServer.StartAsync(settings: [new("CONTROLPLANE_SEARCH_URL", url), new("CONTROLPLANE_SEARCH_KEY", key)]));
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }
}

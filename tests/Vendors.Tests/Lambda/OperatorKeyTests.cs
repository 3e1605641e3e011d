using System.Net;
using ControlPlane.Lambda.Web;

namespace ControlPlane.Tests.Lambda;

[Trait("Category", "Slow")]
public sealed class OperatorKeyTests
{
    [Fact]
    public async Task A_replaced_key_is_refused_once_every_process_has_the_new_one()
    {
        const string Former = "the-former-key-of-the-operators", Present = "the-present-key-of-the-operators";
        await using var rig = await LambdaRig.StartAsync();
        rig.Settings["CONTROLPLANE_OPERATOR_KEY"] = Former;
        await using (var late = await WebRig.StartAsync(rig.Environment, ApiFunction.Build))
        {
            rig.Settings["CONTROLPLANE_OPERATOR_KEY"] = Present;
            await using var early = await WebRig.StartAsync(rig.Environment, ApiFunction.Build);
            Assert.Equal(HttpStatusCode.OK, await SendAsync(early, Present));
            Assert.Equal(HttpStatusCode.OK, await SendAsync(late, Former));
            Assert.Equal(HttpStatusCode.OK, await SendAsync(early, Present));
            Assert.Equal(HttpStatusCode.Unauthorized, await SendAsync(early, Former));
        }

        await using var noticed = await WebRig.StartAsync(rig.Environment, ApiFunction.Build);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.Unauthorized), (await SendAsync(noticed, Present), await SendAsync(noticed, Former)));
    }

    [Fact]
    public async Task Once_the_key_is_stored_no_request_waits_for_the_lock_of_the_keys()
    {
        await using var rig = await LambdaRig.StartAsync();
        await using var api = await WebRig.StartAsync(rig.Environment, ApiFunction.Build);
        Assert.Equal(HttpStatusCode.OK, await SendAsync(api, LambdaRig.OperatorKey));
        await using var other = await rig.Database.BeginJobAsync(default);
        await other.LockOperatorKeysAsync(default);

        Assert.Equal(HttpStatusCode.Unauthorized, await SendAsync(api, "an-unknown-key-of-a-stranger").WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal(HttpStatusCode.OK, await SendAsync(api, LambdaRig.OperatorKey).WaitAsync(TimeSpan.FromSeconds(20)));
    }

    static async Task<HttpStatusCode> SendAsync(WebRig api, string key)
    {
        using var client = api.NewClient(key);
        return (await client.GetAsync("/v1/admin/tenants")).StatusCode;
    }
}

using System.Net;
using System.Text.RegularExpressions;
using ControlPlane.Tests.Support.Fuzzing;
using Microsoft.AspNetCore.Authorization;

namespace ControlPlane.Tests;

/// <summary>Which role may call what, over every operator route of the running application.</summary>
public sealed partial class OperatorRoleTests(SharedServer shared) : IClassFixture<SharedServer>
{
    static readonly string[] Roles = ["admin", "billing", "support"];

    /// <summary>Changes that operators other than admins may make. Everything else that changes something is for admins.</summary>
    static readonly Dictionary<string, string[]> ChangeableBy = new()
    {
        ["POST /v1/admin/tenants/{id:guid}/approve"] = ["billing", "support"],
        ["POST /v1/admin/reviews/{id:guid}/resolve"] = ["billing"],
        ["POST /v1/admin/reviews/{id:guid}/accept"] = ["billing"],
        ["POST /admin/billing/reviews/{id:guid}/accept"] = ["billing"],
        ["POST /v1/admin/coupons"] = ["billing"],
        ["POST /v1/admin/tax-rates"] = ["billing"],
        ["POST /v1/admin/invoices/{number}/credit-notes"] = ["billing"],
        ["POST /v1/admin/invoices/{number}/write-off"] = ["billing"],
        ["POST /v1/admin/tenants/{id:guid}/plan"] = ["billing"],
        ["DELETE /v1/admin/coupons/{code}"] = ["billing"],
        ["POST /v1/admin/tenants/{id:guid}/coupons"] = ["billing"],
        ["POST /v1/admin/tenants/{id:guid}/adjustments"] = ["billing"],
        ["POST /v1/admin/tenants/{id:guid}/trial"] = ["billing", "support"],
        ["PUT /v1/admin/tenants/{id:guid}/collection"] = ["billing"],
        ["POST /admin/tenants/{id:guid}/collection"] = ["billing"],
        ["POST /admin/billing/reviews/{id:guid}/resolve"] = ["billing"],
        ["POST /admin/invoices/{number}/payments"] = ["billing"],
        ["POST /admin/invoices/{number}/credit-notes"] = ["billing"],
        ["POST /admin/invoices/{number}/write-off"] = ["billing"],
        ["POST /admin/coupons"] = ["billing"],
        ["POST /admin/coupons/{code}/end"] = ["billing"],
        ["POST /admin/tenants/{id:guid}/adjustments"] = ["billing"],
        ["POST /admin/tenants/{id:guid}/coupon"] = ["billing"],
        ["POST /admin/tenants/{id:guid}/trial"] = ["billing", "support"],
        ["POST /v1/admin/tenants/{id:guid}/suspend"] = ["billing", "support"],
        ["POST /v1/admin/tenants/{id:guid}/resume"] = ["billing", "support"],
        ["POST /v1/admin/tenants/{id:guid}/retry"] = ["support"],
        ["POST /v1/admin/tenants/{id:guid}/cleanup"] = ["billing", "support"],
        ["PUT /v1/admin/tenants/{id:guid}/limits"] = ["billing", "support"],
        ["DELETE /v1/admin/tenants/{id:guid}/limits"] = ["billing", "support"],
        ["POST /v1/admin/quarantine/{id:guid}/replay"] = ["support"],
        ["POST /v1/admin/quarantine/{id:guid}/discard"] = ["support"],
        ["POST /v1/admin/quarantine/batches"] = ["support"],
        ["POST /v1/admin/jobs/{job}/run"] = ["billing", "support"],
        ["POST /v1/admin/queues/{queue}/retry"] = ["support"],
        ["POST /v1/admin/queues/{queue}/dead/{id:guid}/discard"] = ["support"],
        ["DELETE /v1/admin/mail-suppressions/{id:guid}"] = ["support"],
        ["POST /v1/admin/invoices/{number}/payments"] = ["billing"],
        ["POST /v1/admin/statements"] = ["billing"],
        ["POST /v1/admin/bank-transactions/{id:guid}/match"] = ["billing"],
        ["POST /v1/admin/bank-transactions/{id:guid}/discard"] = ["billing"],
        ["POST /admin/bank-transactions"] = ["billing"],
        ["POST /admin/bank-transactions/{id:guid}/match"] = ["billing"],
        ["POST /admin/bank-transactions/{id:guid}/discard"] = ["billing"],
        ["POST /admin/tenants/{id:guid}/plan"] = ["billing"],
        ["POST /v1/webhooks/mail"] = ["support"],
        ["POST /admin/deliveries/{queue}/retry"] = ["support"],
        ["POST /admin/deliveries/{queue}/{id:guid}/discard"] = ["support"],
        ["POST /admin/deliveries/suppressions/{id:guid}/lift"] = ["support"],
        ["POST /admin/tenants/{id:guid}/limits"] = ["billing", "support"],
        ["POST /admin/tenants/{id:guid}/limits-remove"] = ["billing", "support"],
        ["POST /admin/tenants/{id:guid}/approve"] = ["billing", "support"],
        ["POST /admin/tenants/{id:guid}/{action:regex(^(suspend|resume|cleanup)$)}"] = ["billing", "support"],
        ["POST /admin/tenants/{id:guid}/{action:regex(^retry$)}"] = ["support"],
        ["POST /admin/quarantine/{id:guid}/replay"] = ["support"],
        ["POST /admin/quarantine/{id:guid}/discard"] = ["support"],
        ["POST /admin/quarantine/batch"] = ["support"],
        ["POST /admin/jobs/{job}/run"] = ["billing", "support"],
        // Of the session itself.
        ["POST /admin/logout"] = ["billing", "support"],
    };

    readonly TestServer _server = shared.Server;

    [Fact]
    public async Task Every_operator_reads_everything_and_each_role_changes_only_what_is_listed()
    {
        var routes = OperatorRoutes();
        Assert.Contains(routes, route => NameOf(route) == "POST /v1/admin/tenants/{id:guid}/delete");
        Assert.Contains(routes, route => NameOf(route) == "POST /v1/admin/operators");
        Assert.Empty(ChangeableBy.Keys.Except(routes.Select(NameOf)));

        var wrong = new List<string>();
        foreach (var role in Roles)
        {
            var (_, key) = await _server.CreateOperatorAsync(Names.Random(role), role);
            using var api = _server.NewClient(key);
            foreach (var route in routes)
            {
                // A session for each page, because one of them ends it.
                using var browser = IsApi(route) ? null : await _server.SignInOperatorAsync(key);
                using var request = new HttpRequestMessage(new HttpMethod(route.Method), route.Path(parameter => Fill(route, parameter)));
                using var reply = await (browser ?? api).SendAsync(request);
                var isAllowed = role == "admin" || route.Method == "GET" || ChangeableBy.GetValueOrDefault(NameOf(route), []).Contains(role);
                if (reply.StatusCode == HttpStatusCode.Forbidden == isAllowed || reply.StatusCode == HttpStatusCode.Unauthorized)
                {
                    wrong.Add($"{role}: {route} -> {reply.StatusCode}");
                }
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public async Task A_refusal_says_which_roles_may_do_it()
    {
        var (_, key) = await _server.CreateOperatorAsync(Names.Random("Dan"), "billing");
        using var api = _server.NewClient(key);
        var reply = await api.PostAsync($"/v1/admin/tenants/{Ids.New(_server.Clock)}/retry", content: null);
        Assert.Equal(HttpStatusCode.Forbidden, reply.StatusCode);
        Assert.Contains("one of the roles admin, support", await reply.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    List<FuzzedRoute> OperatorRoutes()
    {
        var operators = _server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.OfType<IAuthorizeData>().Any(data => data.Policy is Policies.Operator or Policies.OperatorPage))
            .Select(endpoint => endpoint.RoutePattern.RawText).ToHashSet();
        return [.. FuzzedRoute.All(_server).Where(route => operators.Contains(route.Pattern.RawText))];
    }

    // A group's own route ends with a slash.
    static string NameOf(FuzzedRoute route) => route.ToString().TrimEnd('/');

    static bool IsApi(FuzzedRoute route) => route.Pattern.RawText!.StartsWith("/v1/", StringComparison.Ordinal);

    // A pattern such as ^(suspend|resume)$ is satisfied by its first word.
    static string Fill(FuzzedRoute route, string parameter) =>
        FirstChoice().Match(route.Pattern.RawText!) is { Success: true } choice && route.Pattern.RawText!.Contains($"{{{parameter}:regex", StringComparison.Ordinal)
            ? choice.Value
            : parameter == "id" ? "01890000-0000-7000-8000-000000000001" : "none";

    [GeneratedRegex(@"(?<=regex\(\^\(?)\w+")]
    private static partial Regex FirstChoice();
}

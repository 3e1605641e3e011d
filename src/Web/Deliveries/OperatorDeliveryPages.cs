using System.Globalization;
using System.Security.Claims;

namespace ControlPlane.Web.Deliveries;

/// <summary>The operator page of what could not be delivered.</summary>
static class OperatorDeliveryPages
{
    const int ItemsOnThePage = 100;

    public static void MapDeliveryPages(this RouteGroupBuilder pages)
    {
        pages.MapGet("/deliveries", Show);
        pages.MapPost("/deliveries/{queue}/retry", Retry).AllowRoles(OperatorRole.Support);
        pages.MapPost("/deliveries/{queue}/{id:guid}/discard", Discard).AllowRoles(OperatorRole.Support);
        pages.MapPost("/deliveries/suppressions/{id:guid}/lift", Lift).AllowRoles(OperatorRole.Support);
        // Reached by a reload or a sign-in after a form was posted.
        pages.MapGet("/deliveries/{queue}/retry", () => new SeeOther("/admin/deliveries"));
        pages.MapGet("/deliveries/{queue}/{id:guid}/discard", () => new SeeOther("/admin/deliveries"));
        pages.MapGet("/deliveries/suppressions/{id:guid}/lift", () => new SeeOther("/admin/deliveries"));
    }

    static async Task<RazorComponentResult<DeliveriesPage>> Show(
        int? queued, string? done, ControlDatabase database, MailSuppressions suppressions, CancellationToken ct)
    {
        var queues = new Dictionary<string, IReadOnlyList<DeadDelivery>>();
        await using var transaction = await database.BeginJobAsync(ct);
        foreach (var queue in DeadDeliveryViews.Queues)
        {
            queues[queue] = await transaction.DeadDeliveriesAsync(queue, cursor: null, ItemsOnThePage, ct);
        }

        return new RazorComponentResult<DeliveriesPage>(new
        {
            Queues = queues,
            Suppressions = await suppressions.ListAsync(cursor: null, ItemsOnThePage, ct),
            Notice = queued is { } count ? $"{Format.Count(count)} queued again." : done switch
            {
                "lifted" => "Suppression lifted.",
                "discarded" => "Discarded.",
                _ => null,
            },
        });
    }

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> Retry(string queue, IFormCollection form, ClaimsPrincipal user, DeliveryQueues queues, CancellationToken ct) =>
        await queues.RetryDeadAsync(queue, user.ActorName(), ct) is { } count
            ? new SeeOther(string.Create(CultureInfo.InvariantCulture, $"/admin/deliveries?queued={count}"))
            : TypedResults.NotFound();

    // Also when it is gone: another operator has retried or discarded it, and the page shows what is left.
    static async Task<IResult> Discard(string queue, Guid id, IFormCollection form, ClaimsPrincipal user, DeliveryQueues queues, CancellationToken ct) =>
        await queues.DiscardDeadAsync(queue, id, user.ActorName(), ct) ? new SeeOther("/admin/deliveries?done=discarded") : new SeeOther("/admin/deliveries");

    static async Task<IResult> Lift(Guid id, IFormCollection form, ClaimsPrincipal user, MailSuppressions suppressions, CancellationToken ct)
    {
        await suppressions.LiftAsync(id, user.ActorName(), ct);
        return new SeeOther("/admin/deliveries?done=lifted");
    }
}

namespace ControlPlane.Web.Signup;

/// <summary>
/// The moment a tenant becomes active, in one transaction: Signup makes it so and starts its subscription, Provisioning is asked for its
/// environment. Composed here because Signup comes before Provisioning and knows nothing of it.
/// </summary>
sealed class Activation(VerifyAddress verifyAddress, CreateTenant createTenant, Clock clock, ControlPlaneOptions options)
{
    /// <param name="token">From the link in the mail.</param>
    public Task<VerifyResult> VerifyAsync(string token, CancellationToken ct) => verifyAddress.RunAsync(
        token,
        (transaction, verified, ct) => transaction.QueueProvisioningAsync(clock, options, verified.Tenant, verified.Slug, "provision", ct),
        ct);

    public Task<CreateTenantResult> CreateAsync(CreateTenantRequest request, CancellationToken ct) => createTenant.RunAsync(
        request,
        (transaction, created, ct) => transaction.QueueProvisioningAsync(clock, options, created.Tenant, created.Slug, "provision", ct),
        ct);
}

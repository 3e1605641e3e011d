namespace ControlPlane.Web;

/// <summary>
/// The application without a host: every service and route, in data-flow order. A host registers all of it, or only the parts it serves where
/// cold starts matter.
/// </summary>
public static class App
{
    /// <exception cref="SettingException">A setting is missing or invalid; the message names it and says what to set.</exception>
    public static IServiceCollection AddControlPlane(this IServiceCollection services, IConfiguration configuration)
    {
        var settings = services.AddFoundation(configuration);
        services.AddSignup(configuration, settings);
        services.AddProvisioning(configuration, settings);
        services.AddGateway(configuration);
        services.AddLimits();
        services.AddBilling(configuration, settings);
        services.AddPrivacy();
        services.AddMessages(configuration, settings);
        services.AddJobs();
        services.AddResponses();
        services.AddApi(configuration, settings);
        services.AddPortal();
        return services;
    }

    /// <summary>What every part depends on: settings, database, clock, encryption of secrets, telemetry.</summary>
    /// <exception cref="SettingException">A setting is missing or invalid; the message names it and says what to set.</exception>
    public static Settings AddFoundation(this IServiceCollection services, IConfiguration configuration)
    {
        var settings = Settings.Read(configuration);
        services.AddSingleton(settings.Options);
        services.AddSingleton(s => new ControlDatabase(settings.ConnectionString, s.GetService<PasswordProvider>()));
        services.AddSingleton<FindTenantKey>();
        services.AddSingleton(_ => new SecretBox(settings.SecretsKey, settings.FormerSecretsKeys));
        services.AddSingleton(s => new ReencryptSecrets(
            s.GetRequiredService<ControlDatabase>(), s.GetRequiredService<SecretBox>(),
            [WebhookSecrets.Column, DatabaseSecretStore.Column, WebhookEndpoints.Column, DataProtectionKeys.Column], s.GetRequiredService<ILogger<ReencryptSecrets>>()));
        services.AddSingleton(new Clock(TimeProvider.System, settings.Options));
        services.AddSingleton(UnverifiedBytes.Read(configuration));
        services.AddSingleton(RetentionSettings.Read(configuration));
        services.AddTelemetryExport(configuration);
        return settings;
    }

    /// <summary>Called by tenants' gateways for every chat: authorization before it, usage after it.</summary>
    /// <exception cref="SettingException">A setting is invalid; the message names it and says what to set.</exception>
    public static void AddGateway(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton<FindWebhookSecrets>();
        var maxHeld = configuration.ReadCount("CONTROLPLANE_LIMIT_RESERVATIONS", Authorize.DefaultMaxHeld, "number of calls at the same time", Authorize.HighestMaxHeld);
        var sharedPlaces = configuration.ReadCount("CONTROLPLANE_LIMIT_LOCAL_CALLS", Authorize.DefaultSharedPlaces, "number of calls at the same time", maximum: 1_000);
        var usageEvents = configuration.ReadCount("CONTROLPLANE_USAGE_EVENTS", 50_000, "events per tenant and day", 1_000_000_000);
        var usageMaximum = configuration.ReadCount("CONTROLPLANE_USAGE_EVENTS_MAXIMUM", 10_000_000, "events per tenant and day", 1_000_000_000);
        services.AddSingleton(s => new UsageQuota(usageEvents, usageMaximum, BeforeReady: s.GetRequiredService<ControlPlaneOptions>().Sandbox ? usageEvents : usageEvents / 50));
        services.AddSingleton(s => new Authorize(s.GetRequiredService<ControlDatabase>(), s.GetRequiredService<Clock>(), maxHeld, s.GetRequiredService<UsageQuota>(), sharedPlaces));
        var perSecond = configuration.ReadCount("CONTROLPLANE_LIMIT_AUTHORIZATIONS", AuthorizationRate.DefaultPerSecond, "number per second", AuthorizationRate.MaxPerSecond);
        services.AddSingleton(s => new AuthorizationRate(perSecond * (s.GetRequiredService<ControlPlaneOptions>().Sandbox ? 1000 : 1)));
        var duplicatesPerSecond = configuration.ReadCount("CONTROLPLANE_LIMIT_DUPLICATES", DuplicateRate.DefaultPerSecond, "events per second", DuplicateRate.MaxPerSecond);
        services.AddSingleton(s => new DuplicateRate(duplicatesPerSecond * (s.GetRequiredService<ControlPlaneOptions>().Sandbox ? 1000 : 1)));
        services.AddSingleton<UsageCaller>();
        services.AddSingleton(UsageDeliveries.Read(configuration));
        var quarantine = QuarantineSettings.Read(configuration);
        services.AddSingleton(s => quarantine.ForHost(s.GetRequiredService<ControlPlaneOptions>().Sandbox));
        services.AddSingleton<RecordUsage>();
        services.AddUsageOverflow(configuration);
    }

    /// <summary>Limits and their alerts, quarantine, daily usage.</summary>
    public static void AddLimits(this IServiceCollection services)
    {
        services.AddSingleton<ExpireReservations>();
        services.AddSingleton<UserLimits>();
        services.AddSingleton<OverrideLimits>();
        services.AddSingleton<AnnounceAlerts>();
        services.AddSingleton<ReplayQuarantine>();
        services.AddSingleton<DiscardQuarantined>();
        services.AddSingleton<QuarantineBatches>();
        services.AddSingleton<RunQuarantineBatches>();
        services.AddSingleton<RebuildDailyUsage>();
    }

    /// <summary>Export and erasure of a person's data.</summary>
    public static void AddPrivacy(this IServiceCollection services)
    {
        services.AddSingleton<ExportPerson>();
        services.AddSingleton<ErasePerson>();
    }

    public static void AddBilling(this IServiceCollection services, IConfiguration configuration, Settings settings)
    {
        var seller = SellerSettings.Read(configuration, settings.Options.Domain);
        services.AddSingleton(seller);
        services.AddSingleton(VatRegisterSettings.Read(configuration, settings, seller));
        services.AddSingleton<AdvanceSubscription>();
        services.AddSingleton<ClosePeriod>();
        services.AddSingleton<MovePeriod>();
        services.AddSingleton<EndSubscription>();
        services.AddSingleton<CycleMails>();
        services.AddSingleton<ChangePlan>();
        services.AddSingleton<CancelSubscription>();
        services.AddSingleton<WriteInvoice>();
        services.AddSingleton<InvoiceExposure>();
        services.AddSingleton(new PayLinks(settings.Options.PublicUrl, [settings.SecretsKey, .. settings.FormerSecretsKeys]));
        services.AddSingleton<BillingMailOutbox>();
        services.AddSingleton<DocumentMails>();
        services.AddSingleton<EditOrganization>();
        services.AddSingleton<ConfirmVatIds>();
        services.AddSingleton<WriteDocuments>();
        services.AddSingleton<CreateCreditNote>();
        services.AddSingleton<NextInvoice>();
        services.AddSingleton<BillingPageReader>();
        services.AddSingleton<TenantPageReader>();
        services.AddSingleton<AgreePlanPageReader>();
        services.AddSingleton<PlanPageReader>();
        services.AddSingleton<SetSpendLimit>();
        services.AddSingleton<ExtendTrial>();
        services.AddSingleton<SetPaymentTerms>();
        services.AddSingleton<EditCoupons>();
        services.AddSingleton<RedeemCoupon>();
        services.AddSingleton<BuyCredit>();
        services.AddSingleton<CancelTopUps>();
        services.AddSingleton<AddAdjustment>();
        services.AddSingleton<ResolveReview>();
        services.AddSingleton<WriteOffInvoice>();
        services.AddSingleton<EditTaxRates>();
        services.AddSingleton<ProposeAvailabilityCredits>();
        services.AddSingleton<RunBillingCycle>();
        services.AddPayments(configuration, settings);
    }

    /// <summary>Collects what is invoiced. Hosts add the provider that charges cards; without one, customers pay by bank transfer, or in a sandbox with test payments.</summary>
    /// <exception cref="SettingException">A setting is invalid; the message names it.</exception>
    static void AddPayments(this IServiceCollection services, IConfiguration configuration, Settings settings)
    {
        if (settings.Options.Sandbox && string.IsNullOrEmpty(configuration["CONTROLPLANE_STRIPE_KEY"]))
        {
            services.AddSingleton<IPaymentProvider, SandboxPayments>();
        }

        var days = configuration.ReadCount("CONTROLPLANE_PAYMENT_DAYS", 14, "days until a transfer has to arrive", 90);
        // Off by default: not every customer expects an invoice before the period ends.
        decimal? exposure = string.IsNullOrEmpty(configuration["CONTROLPLANE_EXPOSURE_LIMIT_EUR"])
            ? null
            : configuration.ReadCount("CONTROLPLANE_EXPOSURE_LIMIT_EUR", 1, "EUR of usage beyond the plan that is invoiced before its period ends");
        services.AddSingleton(s => new CollectionSettings(s.GetRequiredService<PaymentProviders>().Current?.Name, days, exposure));
        services.AddSingleton(s => TransferAccount.Of(s.GetRequiredService<Seller>()));
        services.AddSingleton<PaymentProviders>();
        services.AddSingleton<PaymentClaims>();
        services.AddSingleton<PaymentMails>();
        services.AddSingleton<RecordPayment>();
        services.AddSingleton<CollectPayment>();
        services.AddSingleton<PaymentMethods>();
        services.AddSingleton<PayRefunds>();
        services.AddSingleton<ApplyProviderEvents>();
        services.AddSingleton<CollectPayments>();
        services.AddSingleton<PayInvoice>();
        services.AddSingleton<ReceiveProviderEvent>();
        services.AddSingleton<ReconcilePayments>();
        services.AddSingleton<RecordTransfer>();
        services.AddSingleton<ImportStatement>();
        services.AddSingleton<SetSandboxOutcome>();
    }

    /// <summary>Mail and webhooks.</summary>
    public static void AddMessages(this IServiceCollection services, IConfiguration configuration, Settings settings)
    {
        services.AddSingleton(MailSettings.Transport(configuration, settings.Options));
        services.AddSingleton(MailSettings.Sender(configuration, settings.Options));
        services.AddSingleton<SendOutbox>();
        services.AddSingleton<MailSuppressions>();
        services.AddSingleton<WebhookEndpoints>();
        services.AddSingleton<WebhookDeliveries>();
        services.AddSingleton<WebhookClient>();
        services.AddSingleton<SendWebhooks>();
        services.AddSingleton<DeliveryQueues>();
    }

    /// <summary>The job catalog and its runner. A job resolves its dependencies when it runs.</summary>
    public static void AddJobs(this IServiceCollection services)
    {
        services.AddSingleton<Migrator>();
        services.AddSingleton<JobRunner>();
        services.AddSingleton<MoveSandboxClock>();
        services.AddSingleton<JobCatalog>();
        services.AddSingleton<RunPurges>();
        services.AddSingleton<DetachUsage>();
        services.AddSingleton<EraseUsage>();
    }

    /// <summary>The routes gateways call, and no others: <see cref="GatewayRoutes"/>.</summary>
    public static void MapGateway(this WebApplication app)
    {
        app.UseResponses();
        app.MapAuthorize();
        app.MapUsage();
    }

    public static void MapControlPlane(this WebApplication app)
    {
        app.UseForwardedHeaders();
        app.UseCookiePolicy();
        app.UseResponses();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseRateLimiter();
        app.UseMiddleware<SharedTenantLimitsMiddleware>();
        app.UseAntiforgery();

        app.MapSignup();
        app.MapKeys();
        app.MapChatKeys();
        app.MapEnvironment();
        app.MapWeights();
        app.MapAuthorize();
        app.MapUsage();
        app.MapUsageReport();
        app.MapSubscription();
        app.MapPlans();
        app.MapOrganization();
        app.MapLimits();
        app.MapWebhooks();
        app.MapDeliveries();
        app.MapInvoices();
        app.MapCreditNotes();
        app.MapPayments();
        app.MapTopUps();
        app.MapOperatorPayments();
        app.MapEcSalesList();
        app.MapTaxRates();
        app.MapQuarantine();
        app.MapOperatorTenants();
        app.MapOperatorBilling();
        app.MapOperatorEnvironment();
        app.MapMargins();
        app.MapModels();
        app.MapPeople();
        app.MapJobs();
        app.MapOperators();
        if (app.Services.GetRequiredService<ControlPlaneOptions>().Sandbox)
        {
            app.MapSandbox();
        }

        app.MapApiDescription();
        app.MapPortal();
        app.MapHealth();
    }
}

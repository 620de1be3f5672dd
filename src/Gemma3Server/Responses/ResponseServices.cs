using Gemma3Server.Api.Responses;

namespace Gemma3Server.Responses;

/// <summary>The parts of the Responses API.</summary>
internal static class ResponseServices
{
    public static IServiceCollection AddResponses(this IServiceCollection services) => services
        .AddSingleton<ResponseStore>()
        .AddSingleton<ResponseRuns>()
        .AddHostedService(provider => provider.GetRequiredService<ResponseRuns>())
        .AddHostedService<ResponseSweeper>()
        .AddSingleton<ResponsesEndpoint>()
        .AddSingleton<StoredResponsesEndpoint>();
}

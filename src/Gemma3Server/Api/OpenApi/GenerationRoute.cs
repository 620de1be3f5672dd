namespace Gemma3Server.Api.OpenApi;

/// <summary>Marks a route that generates: for the document, which then lists its request headers, <c>x-ignored-params</c> and its events.</summary>
/// <param name="Event">What an event of its stream holds; null when it does not stream.</param>
internal sealed record GenerationRoute(Type? Event)
{
    /// <summary>Marks a route whose events hold <typeparamref name="TEvent"/>.</summary>
    public static GenerationRoute Of<TEvent>() => new(typeof(TEvent));
}

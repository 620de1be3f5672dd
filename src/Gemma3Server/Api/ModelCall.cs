using System.Text.Json;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Gemma3Server.Pool;

namespace Gemma3Server.Api;

/// <summary>A request with the model that it names, which stays loaded until the call is disposed.</summary>
/// <param name="lease">Holds the model.</param>
/// <param name="body">The request's body: an object.</param>
/// <param name="headers">What its headers ask for; of the time limit, what is left.</param>
internal sealed class ModelCall(ModelLease lease, JsonElement body, ChatHeaders headers) : IDisposable
{
    private ModelLease? _lease = lease;

    public JsonElement Body => body;

    public ChatHeaders Headers => headers;

    /// <summary>The loaded model with all that reads requests for it.</summary>
    public ModelSession Session { get; } = (ModelSession)lease.Instance;

    public ServedModel Model => Session.Model;

    public InferenceEngine Engine => Session.Engine;

    /// <summary>Takes the model out of the call, which then does not give it back: for what outlives the request.</summary>
    public IDisposable Keep() => Interlocked.Exchange(ref _lease, null) ?? throw new InvalidOperationException("The model has been given back.");

    public void Dispose() => Interlocked.Exchange(ref _lease, null)?.Dispose();
}

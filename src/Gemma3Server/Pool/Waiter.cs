using Gemma3Server.Api.Errors;

namespace Gemma3Server.Pool;

/// <summary>A request that waits for its model.</summary>
internal sealed class Waiter(ModelSlot slot)
{
    private readonly TaskCompletionSource<(ModelLease? Lease, OpenAiError? Error)> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ModelSlot Slot => slot;

    public Task<(ModelLease? Lease, OpenAiError? Error)> Result => _result.Task;

    public void Lend(ModelLease lease) => _result.SetResult((lease, null));

    public void Refuse(OpenAiError error) => _result.SetResult((null, error));

    public void Cancel(CancellationToken cancellationToken) => _result.SetCanceled(cancellationToken);
}

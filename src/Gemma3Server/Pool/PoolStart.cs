using Gemma3Server.Hosting;
using Gemma3Server.Runtime;

namespace Gemma3Server.Pool;

/// <summary>The loads that a server begins with, and what depends on its default model. Called under the pool's lock.</summary>
internal sealed class PoolStart
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _left;

    /// <summary>The models, the default one first; none before it has begun.</summary>
    public IReadOnlyList<ServedModel> Models { get; private set; } = [];

    /// <summary>Whether all of them have been loaded, as far as they can be.</summary>
    public bool IsOver => Models.Count > 0 && _left == 0;

    /// <summary>Completes when it is over; faults when the default model cannot be loaded.</summary>
    public Task Done => _done.Task;

    /// <summary>Completes when the default model could not be loaded, or its engine has failed.</summary>
    public Task Lost => _lost.Task;

    public void Begin(IReadOnlyList<ServedModel> models) => (Models, _left) = (models, models.Count);

    /// <summary>Notes how one of its loads ended.</summary>
    public void Note(ModelSlot slot, LoadOutcome outcome)
    {
        _left--;
        if (outcome.State == ModelState.Failed && IsDefault(slot))
        {
            if (_done.TrySetException(outcome.Cause ?? new ModelLoadException(slot.Failure!))) _ = _done.Task.Exception; // seen here, should nobody await it
            _lost.TrySetResult();
        }

        if (_left == 0) _done.TrySetResult();
    }

    /// <summary>Notes that the engine of a model has failed.</summary>
    public void NoteFailure(ModelSlot slot)
    {
        if (IsDefault(slot)) _lost.TrySetResult();
    }

    /// <summary>The server stops.</summary>
    public void Cancel() => _done.TrySetCanceled();

    private bool IsDefault(ModelSlot slot) => Models.Count > 0 && slot.Model.Id == Models[0].Id;
}

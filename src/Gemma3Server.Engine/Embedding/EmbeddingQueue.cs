using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Embedding;

/// <summary>The embedding requests of all clients, computed chunk by chunk between the steps of the generations.</summary>
/// <remarks>
/// Requests take turns input by input, so that a short one does not wait for the thousands of inputs of another. Thread-safe; only the engine
/// loop calls <see cref="Step"/>, and no lock is held while the model computes.
/// </remarks>
internal sealed class EmbeddingQueue(TimeProvider timeProvider)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<EmbeddingJob> _jobs = [];
    private volatile int _count;
    private bool _open;

    /// <summary>Requests that are computed or wait; readable from any thread.</summary>
    public int Count => _count;

    /// <summary>Begins to take requests.</summary>
    public void Open()
    {
        lock (_gate) _open = true;
    }

    /// <summary>Takes no more requests; those that are in stay. May be repeated.</summary>
    public void Close()
    {
        lock (_gate) _open = false;
    }

    /// <summary>Admits a job while fewer than <paramref name="limit"/> are in.</summary>
    public Admission Add(EmbeddingJob job, int limit)
    {
        lock (_gate)
        {
            if (!_open) return Admission.Closed;
            if (_jobs.Count >= limit) return Admission.Full;
            _jobs.AddLast(job);
            _count = _jobs.Count;
            return Admission.Admitted;
        }
    }

    /// <summary>Computes one chunk of the request whose turn it is; returns its tokens, 0 when there is nothing to compute.</summary>
    /// <param name="runtime">What computes.</param>
    /// <param name="shed">Gives memory back that is only kept for later; false when there is none.</param>
    public int Step(IEmbeddingRuntime runtime, Func<bool> shed)
    {
        if (_count == 0 || Next() is not { } job) return 0;
        var computed = job.Advance(runtime, shed);
        if (job.IsEnded || job.IsBetweenInputs) Rotate(job);
        return computed;
    }

    /// <summary>Ends all requests, and takes no more.</summary>
    public void FailAll(GenerationError error, string message)
    {
        lock (_gate)
        {
            _open = false;
            foreach (var job in _jobs) job.End(EmbeddingResult.Fail(error, message));
            _jobs.Clear();
            _count = 0;
        }
    }

    /// <summary>The job whose turn it is; those that have ended, or whose time is up, leave.</summary>
    private EmbeddingJob? Next()
    {
        var now = timeProvider.GetTimestamp();
        lock (_gate)
        {
            for (var node = _jobs.First; node is not null;)
            {
                var (job, next) = (node.Value, node.Next);
                if (job.Deadline <= now) job.End(EmbeddingResult.Fail(GenerationError.DeadlineExceeded, "The request's time was up before its texts were embedded."));
                if (job.IsEnded) _jobs.Remove(node);
                node = next;
            }

            _count = _jobs.Count;
            return _jobs.First?.Value;
        }
    }

    private void Rotate(EmbeddingJob job)
    {
        lock (_gate)
        {
            // It is gone already where all have been failed meanwhile.
            if (!_jobs.Remove(job)) return;
            if (!job.IsEnded) _jobs.AddLast(job);
            _count = _jobs.Count;
        }
    }
}

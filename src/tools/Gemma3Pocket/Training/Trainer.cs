using System.Diagnostics;
using System.Text.Json;
using Gemma3Pocket.Curriculum;
using Gemma3Pocket.Data;
using Gemma3Pocket.Model;
using static TorchSharp.torch;

namespace Gemma3Pocket.Training;

/// <summary>Trains a model, in full precision or, with a teacher, for the quantized file.</summary>
/// <remarks>
/// A step: (1) take the batch of this step; (2) see whether the decay is to start; (3) quantize the weights, if the run is for that; (4) run
/// forward and backward; (5) change the weights; (6) log, examine and save when it is time. A run that is stopped goes on at its last
/// checkpoint and comes to the same weights.
/// </remarks>
internal sealed class Trainer : IDisposable
{
    private const int LogEvery = 20;
    private const int ExamLessons = 40;
    private readonly TrainingOptions _options;
    private readonly PocketVocabulary _vocabulary;
    private readonly WeightLayout _layout;
    private readonly PocketModel _model;
    private readonly Optimizer _optimizer;
    private readonly Objective _objective;
    private readonly Tensor? _teacher;
    private readonly Tensor? _quantized;
    private readonly RunLog _log;
    private readonly Stopwatch _clock = new();
    private double _lossSum;
    private long _tokenSum;
    private double _normSum;
    private int _stepSum;

    public Trainer(TrainingOptions options, PocketVocabulary vocabulary)
    {
        _options = options;
        _vocabulary = vocabulary;
        Directory.CreateDirectory(options.Directory);
        set_num_threads(options.Threads);
        _layout = new WeightLayout(PocketShape.Of(vocabulary.Count));
        _model = new PocketModel(_layout, options.Width, options.Fast);
        _optimizer = new Optimizer(_layout, options.Muon, options.WeightDecay);
        _log = new RunLog(options.Directory);
        var checkpoint = RunDirectory.Checkpoint(options.Directory);
        using var teacher = options.Teacher is null ? null : TrainingState.Load(RunDirectory.Checkpoint(options.Teacher), _layout);
        _teacher = teacher?.Weights.clone();
        _quantized = _teacher?.clone();
        _objective = new Objective(_model, _teacher);
        State = File.Exists(checkpoint) ? TrainingState.Load(checkpoint, _layout)
            : teacher?.Restarted() ?? TrainingState.Create(_layout, options.Seed);
    }

    /// <summary>Where the run is.</summary>
    public TrainingState State { get; }

    /// <summary>Mean loss on answers of the last step.</summary>
    public double LastLoss { get; private set; }

    /// <summary>Trains to the end of the schedule, or until cancelled; the state is saved in either case.</summary>
    public void Run(CancellationToken cancellationToken)
    {
        _log.Write($"start step={State.Step} seed={_options.Seed} weights={_layout.Length} vocabulary={_vocabulary.Count} longer than a row={BatchSource.TooLong(_vocabulary, _options.Width):P1} {_options}");
        var examiner = _options.ExamInterval > TimeSpan.Zero
            ? new Examiner(_vocabulary, ExamLessons, _options.Width, _layout.Shape.SlidingWindow) : null;
        // What plain rounding costs, before the first step against it.
        if (examiner is not null && _quantized is not null && State.Step == 0)
            Examine(examiner);
        using var batches = new BatchSource(_vocabulary, _options.Seed, _options.Rows, _options.Width, State.Step);
        var schedule = CurrentSchedule();
        _clock.Restart();
        var (saved, examined, logged) = (_clock.Elapsed, _clock.Elapsed, _clock.Elapsed);
        while (State.Step < schedule.End && !cancellationToken.IsCancellationRequested)
        {
            var batch = batches.Take();
            schedule = SeeDecaySignal(schedule);
            Step(batch, _options.LearningRate * schedule.RateAt(State.Step));
            State.Step++;
            var now = _clock.Elapsed;
            if (State.Step % LogEvery == 0 || State.Step == schedule.End)
            {
                Report((now - logged).TotalSeconds, schedule);
                logged = now;
            }
            if (examiner is not null && (now - examined >= _options.ExamInterval || State.Step == schedule.End))
            {
                Examine(examiner);
                examined = _clock.Elapsed;
                logged += examined - now;
            }
            if (now - saved >= _options.CheckpointInterval)
            {
                Save();
                saved = now;
            }
        }
        Save();
        _log.Write($"stop step={State.Step} {(State.Step >= schedule.End ? "finished" : "interrupted")}");
    }

    public void Dispose()
    {
        _log.Dispose();
        State.Dispose();
        _teacher?.Dispose();
        _quantized?.Dispose();
        _model.Dispose();
    }

    private Schedule CurrentSchedule() =>
        new(_options.WarmUpSteps, State.DecayFrom ?? Math.Max(0, _options.Steps - _options.DecaySteps), _options.DecaySteps);

    private Schedule SeeDecaySignal(Schedule schedule)
    {
        if (State.Step >= schedule.DecayFrom || !File.Exists(RunDirectory.DecaySignal(_options.Directory)))
            return schedule;
        State.DecayFrom = State.Step;
        schedule = CurrentSchedule();
        _log.Write($"decay from step {State.Step}: the whole run is --steps {schedule.End} --decay-steps {schedule.DecaySteps}");
        return schedule;
    }

    private void Step(Batch batch, double rate)
    {
        var start = _clock.Elapsed;
        using var scope = NewDisposeScope();
        using var tensors = new BatchTensors(batch, _layout.Shape.SlidingWindow);
        if (_quantized is not null)
            FakeQuantization.Apply(_layout, State.Weights, _quantized);
        using var leaf = (_quantized ?? State.Weights).detach().requires_grad_();
        var losses = _objective.Losses(_model.Forward(leaf, tensors), tensors);
        var loss = (losses * tensors.Weights).sum() / batch.Weights.Sum();
        var gradient = autograd.grad([loss], [leaf])[0];
        _normSum += _optimizer.Step(State, gradient, rate);

        var values = losses.data<float>().ToArray();
        LastLoss = values.Zip(batch.IsAnswer).Where(pair => pair.Second).Average(pair => pair.First);
        _lossSum += LastLoss;
        _stepSum++;
        _tokenSum += batch.TokenCount;
        State.Tokens += batch.TokenCount;
        State.Seconds += (_clock.Elapsed - start).TotalSeconds;
    }

    private void Report(double seconds, Schedule schedule)
    {
        _log.Write($"step={State.Step} loss={_lossSum / _stepSum:F5} norm={_normSum / _stepSum:F2} rate={schedule.RateAt(State.Step - 1):F3} tokens/s={_tokenSum / seconds:F0} tokens={State.Tokens} elapsed={State.Seconds:F0}");
        (_lossSum, _normSum, _tokenSum, _stepSum) = (0, 0, 0, 0);
    }

    private void Examine(Examiner examiner)
    {
        if (_quantized is not null)
            FakeQuantization.Apply(_layout, State.Weights, _quantized);
        var result = examiner.Examine(_model, _objective, _quantized ?? State.Weights);
        var line = JsonSerializer.Serialize(new
        {
            step = State.Step,
            elapsed = Math.Round(State.Seconds),
            loss = Math.Round(result.Loss, 5),
            accuracy = Math.Round(result.Skills.Values.Average(), 4),
            skills = result.Skills.ToDictionary(pair => pair.Key.ToString(), pair => Math.Round(pair.Value, 4)),
        });
        _log.Write($"{line}");
    }

    private void Save() => State.Save(RunDirectory.Checkpoint(_options.Directory));
}

"""Records what diffusers' schedulers give, for tests/fixtures/schedulers.json.

    python schedulers.py ../../tests/fixtures/schedulers.json

Needs torch, numpy and diffusers 0.42. Each row runs one scheduler over a vector of 16 latents with
a made prediction in place of a network's. All of it is in float32, one operation after the other:

    squash(z)  = z / (1 + |z|)
    prediction = 0.8 squash(z[i]) - 0.3 squash(z[i + 5]) + 0.1 (0.001 t)

for i modulo 16, z being the latents as the scheduler scales them for a network and t the timestep.
Latents start as `noise` times the scheduler's init_noise_sigma; a step k that draws noise gets
noise[i + 3 (k + 1)].
"""

import json
import sys

import diffusers
import numpy as np
import torch
from diffusers.schedulers import scheduling_flow_match_euler_discrete, scheduling_lcm

CLASSES = {
    "EulerDiscrete": diffusers.EulerDiscreteScheduler,
    "FlowMatchEuler": diffusers.FlowMatchEulerDiscreteScheduler,
    "UniPC": diffusers.UniPCMultistepScheduler,
    "DPMSolver++2M": diffusers.DPMSolverMultistepScheduler,
    "DDIM": diffusers.DDIMScheduler,
    "LCM": diffusers.LCMScheduler,
}

LATENTS = 16

# The betas of Stable Diffusion, which Stable Video Diffusion and AnimateDiff share.
SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}

SVD = {
    "type": "EulerDiscrete",
    **SD,
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "sigma_min": 0.002,
    "sigma_max": 700.0,
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "timestep_type": "continuous",
    "use_karras_sigmas": True,
}

WAN = {
    "type": "UniPC",
    "num_train_timesteps": 1000,
    "prediction_type": "flow_prediction",
    "use_flow_sigmas": True,
    "solver_order": 2,
    "solver_type": "bh2",
    "predict_x0": True,
    "lower_order_final": True,
    "disable_corrector": [],
    "final_sigmas_type": "zero",
}

LTX = {
    "type": "FlowMatchEuler",
    "num_train_timesteps": 1000,
    "shift": 1.0,
    "use_dynamic_shifting": True,
    "base_shift": 0.95,
    "max_shift": 2.05,
    "base_image_seq_len": 1024,
    "max_image_seq_len": 4096,
    "shift_terminal": 0.1,
}

DPM = {"type": "DPMSolver++2M", **SD, "solver_order": 2, "algorithm_type": "dpmsolver++", "solver_type": "midpoint"}
FLOW_DPM = {
    "type": "DPMSolver++2M",
    "prediction_type": "flow_prediction",
    "use_flow_sigmas": True,
    "flow_shift": 3.0,
}
DDIM = {
    "type": "DDIM",
    **SD,
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
}
LCM = {"type": "LCM", **SD, "original_inference_steps": 50, "prediction_type": "epsilon"}


def from_one(steps):
    """The levels that LTX's pipeline asks for."""
    return np.linspace(1.0, 1 / steps, steps).tolist()


def rows():
    """(config, steps, levels or None, sequence length)"""
    for steps in (1, 2, 4, 8, 25, 50):
        yield SVD, steps, None, 0
    euler = {"type": "EulerDiscrete"}
    yield {**euler, **SD, "timestep_spacing": "leading", "steps_offset": 1}, 8, None, 0
    yield {**euler}, 25, None, 0
    # Short of the last timestep, whose level of 4096 leaves of float32 latents 4 digits in one step.
    yield {**euler, **SD, "timestep_spacing": "leading", "prediction_type": "v_prediction",
           "rescale_betas_zero_snr": True}, 8, None, 0
    yield {**euler, **SD, "timestep_spacing": "trailing", "prediction_type": "v_prediction"}, 8, None, 0
    yield {**euler, **SD, "use_karras_sigmas": True, "final_sigmas_type": "sigma_min"}, 8, None, 0
    yield {**euler, "beta_schedule": "squaredcos_cap_v2", "timestep_spacing": "trailing"}, 4, None, 0
    yield {**euler, **SD, "prediction_type": "sample", "timestep_type": "continuous"}, 4, None, 0

    flow = {"type": "FlowMatchEuler"}
    yield flow, 4, None, 0
    yield {**flow, "shift": 3.0}, 1, None, 0
    yield {**flow, "shift": 3.0}, 8, None, 0
    yield {**flow, "shift": 5.0}, 50, None, 0
    yield {**flow, "shift": 0.5, "num_train_timesteps": 500}, 2, None, 0
    yield {**flow, "shift": 2.0}, 4, [1.0, 0.8, 0.5, 0.05], 0
    yield {**flow, "stochastic_sampling": True}, 8, [1.0, 0.9937, 0.9875, 0.9812, 0.975, 0.9094, 0.725, 0.4219], 0
    for steps, length in ((2, 4992), (4, 512), (8, 1536), (25, 4992), (50, 9000)):
        yield LTX, steps, from_one(steps), length
    yield {**LTX, "shift_terminal": None}, 1, from_one(1), 4992
    yield {**LTX, "shift_terminal": None}, 8, None, 2048
    yield {**LTX, "time_shift_type": "linear"}, 8, from_one(8), 3000

    for steps in (1, 2, 4, 8, 25, 50):
        yield {**WAN, "flow_shift": 3.0}, steps, None, 0
    for steps in (2, 8, 30, 50):
        yield {**WAN, "flow_shift": 5.0}, steps, None, 0
    yield {**WAN, "flow_shift": 5.0, "disable_corrector": [0, 2]}, 8, None, 0
    yield {**WAN, "flow_shift": 3.0, "solver_order": 1}, 8, None, 0
    yield {**WAN, "flow_shift": 3.0, "solver_order": 3}, 8, None, 0
    yield {**WAN, "flow_shift": 3.0, "solver_order": 3}, 25, None, 0
    yield {**WAN, "flow_shift": 3.0, "solver_type": "bh1", "final_sigmas_type": "sigma_min"}, 8, None, 0
    yield {**WAN, "final_sigmas_type": "sigma_min", "lower_order_final": False}, 8, None, 0
    unipc = {"type": "UniPC", **SD}
    yield unipc, 8, None, 0
    yield {**unipc, "use_karras_sigmas": True}, 25, None, 0
    yield {**unipc, "prediction_type": "v_prediction", "timestep_spacing": "trailing"}, 8, None, 0
    yield {**unipc, "predict_x0": False, "final_sigmas_type": "sigma_min", "solver_order": 3}, 8, None, 0
    yield {**unipc, "predict_x0": False, "final_sigmas_type": "sigma_min", "prediction_type": "v_prediction",
           "solver_type": "bh1", "timestep_spacing": "leading", "steps_offset": 1}, 8, None, 0
    yield {**unipc, "prediction_type": "sample"}, 4, None, 0

    for steps in (1, 2, 8, 20, 50):
        yield DPM, steps, None, 0
    for steps in (2, 8, 25):
        yield {**DPM, "use_karras_sigmas": True}, steps, None, 0
    yield {**DPM, "use_karras_sigmas": True, "beta_schedule": "squaredcos_cap_v2"}, 8, None, 0
    yield {**DPM, "final_sigmas_type": "sigma_min"}, 20, None, 0
    yield {**DPM, "final_sigmas_type": "sigma_min", "euler_at_final": True}, 20, None, 0
    yield {**DPM, "final_sigmas_type": "sigma_min", "lower_order_final": False}, 8, None, 0
    yield {**DPM, "prediction_type": "v_prediction", "timestep_spacing": "trailing",
           "rescale_betas_zero_snr": True}, 8, None, 0
    yield {**DPM, "timestep_spacing": "leading", "steps_offset": 1, "beta_schedule": "linear"}, 25, None, 0
    yield FLOW_DPM, 1, None, 0
    yield FLOW_DPM, 8, None, 0
    yield {**FLOW_DPM, "flow_shift": 5.0}, 50, None, 0

    for steps in (1, 4, 25, 50):
        yield DDIM, steps, None, 0
    yield {"type": "DDIM"}, 8, None, 0
    yield {"type": "DDIM", "clip_sample_range": 0.5, "timestep_spacing": "linspace"}, 25, None, 0
    yield {**DDIM, "prediction_type": "v_prediction", "timestep_spacing": "trailing",
           "rescale_betas_zero_snr": True, "set_alpha_to_one": True}, 8, None, 0
    yield {**DDIM, "prediction_type": "sample", "timestep_spacing": "linspace"}, 8, None, 0
    yield {**DDIM, "timestep_spacing": "linspace", "beta_schedule": "linear"}, 50, None, 0

    for steps in (1, 2, 4, 8):
        yield LCM, steps, None, 0
    yield {**LCM, "original_inference_steps": 100}, 8, None, 0
    yield {**LCM, "prediction_type": "v_prediction", "clip_sample": True, "clip_sample_range": 0.6}, 4, None, 0
    yield {**LCM, "timestep_scaling": 0.01, "prediction_type": "sample"}, 3, None, 0


def noise():
    """16 numbers of about unit variance, from the generator x -> 16807 x mod (2^31 - 1)."""
    state, numbers = 7, []
    for _ in range(LATENTS):
        total = 0
        for _ in range(12):
            state = state * 16807 % 2147483647
            total += state
        numbers.append(round(total / 2147483647 - 6, 4))
    return np.array(numbers, dtype=np.float32)


def squash(z):
    return z / (np.float32(1) + np.abs(z))


def prediction(z, timestep):
    own, other = squash(z), np.roll(squash(z), -5)
    time = np.float32(timestep) * np.float32(0.001)
    return (np.float32(0.8) * own - np.float32(0.3) * other) + np.float32(0.1) * time


def chosen(steps):
    """The steps after which latents are kept: all of a few, a choice of many."""
    if steps <= 4:
        return list(range(1, steps + 1))
    return sorted({1, 2, 3, steps // 2, steps - 1, steps})


def mu(config, length):
    """As LTX's pipeline reckons it."""
    slope = (config["max_shift"] - config["base_shift"]) / (config["max_image_seq_len"] - config["base_image_seq_len"])
    return length * slope + config["base_shift"] - slope * config["base_image_seq_len"]


def record(config, steps, levels, length, start):
    scheduler = CLASSES[config["type"]](**{key: value for key, value in config.items() if key != "type"})
    options = {"mu": mu(config, length)} if config.get("use_dynamic_shifting") else {}
    if levels is None:
        scheduler.set_timesteps(steps, **options)
    else:
        scheduler.set_timesteps(sigmas=np.array(levels), **options)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)

    step_now = 0

    def draw(*_, **__):
        return torch.from_numpy(np.roll(start, -3 * (step_now + 1)).reshape(1, LATENTS))

    scheduling_lcm.randn_tensor = draw
    scheduling_flow_match_euler_discrete.randn_tensor = draw

    first = float(getattr(scheduler, "init_noise_sigma", 1.0))
    latents = torch.from_numpy(start.reshape(1, LATENTS) * np.float32(first))
    after, kept = chosen(steps), []
    for step_now, timestep in enumerate(scheduler.timesteps):
        scaled = latents
        if hasattr(scheduler, "scale_model_input"):
            scaled = scheduler.scale_model_input(latents, timestep)
        made = prediction(scaled.numpy().reshape(LATENTS), float(timestep)).reshape(1, LATENTS)
        latents = scheduler.step(torch.from_numpy(made), timestep, latents, return_dict=False)[0]
        assert latents.dtype == torch.float32 and bool(torch.isfinite(latents).all()), (config, steps)
        if step_now + 1 in after:
            kept.append([short(number) for number in latents.numpy().reshape(LATENTS)])
    assert step_now + 1 == steps
    row = {
        "config": config,
        "steps": steps,
        "levels": levels,
        "sequence_length": length,
        "init_noise_sigma": short(first),
        "timesteps": [short(number) for number in scheduler.timesteps.float().numpy()],
    }
    if config["type"] not in ("DDIM", "LCM"):
        row["sigmas"] = [short(number) for number in scheduler.sigmas.numpy()]
    return {**row, "after": after, "latents": kept}


def short(number):
    """The float32 with no more digits than it needs for a relative 1e-7."""
    number = float(f"{float(np.float32(number)):.8g}")
    return int(number) if number == int(number) else number


def main():
    start = noise()
    lines = [json.dumps(record(*row, start), separators=(",", ":")) for row in rows()]
    head = json.dumps([short(number) for number in start], separators=(",", ":"))
    about = f"diffusers {diffusers.__version__}, torch {torch.__version__.split('+')[0]}"
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(f'{{"about":"{about}","noise":{head},"rows":[\n' + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()
